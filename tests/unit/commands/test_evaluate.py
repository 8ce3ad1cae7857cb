"""`sac eval`: many episodes of a saved policy, and how sure one may be."""

from __future__ import annotations

import json

import pytest

from sac.cli import main

TRAIN = ["--env_id=Point-v1", "--num_envs=4", "--training_freq=16", "--batch_size=16", "--buffer_size=400"]
TRAIN += ["--learning_starts=64", "--total_timesteps=96", "--eval_freq=0", "--threads=1", "--no-tensorboard"]


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("eval") / "run"
    assert main(["train", *TRAIN, f"--run_dir={folder}"]) == 0
    return folder


def evaluated(capsys, *arguments: str) -> dict:
    assert main(["eval", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_policy_is_evaluated_on_the_task_it_was_trained_on(run_dir, capsys):
    found = evaluated(capsys, "--checkpoint", str(run_dir / "policy.pt"), "--episodes", "30")
    assert found["episodes"] == 30
    for name, (low, high) in found["intervals_95"].items():
        assert low <= found["means"][name] <= high


def test_a_run_folder_stands_for_its_final_policy(run_dir, capsys):
    named = evaluated(capsys, "--checkpoint", str(run_dir / "policy.pt"), "--episodes", "3")
    assert evaluated(capsys, "--checkpoint", str(run_dir), "--episodes", "3") == named


def test_the_same_evaluation_finds_the_same_and_another_seed_other_episodes(run_dir, capsys):
    arguments = ["--checkpoint", str(run_dir / "policy.pt"), "--episodes", "9"]
    first = evaluated(capsys, *arguments)
    assert first == evaluated(capsys, *arguments)
    assert first != evaluated(capsys, *arguments, "--seed", "1")


def test_more_episodes_narrow_the_interval(run_dir, capsys):
    few, many = (
        evaluated(capsys, "--checkpoint", str(run_dir / "policy.pt"), "--episodes", str(count))["intervals_95"]
        for count in (10, 200)
    )
    assert many["return"][1] - many["return"][0] < few["return"][1] - few["return"][0]


def test_evaluate_of_manskills_own_flags_prints_the_same_kind_of_result(run_dir, capsys):
    flags = ["--env_id=Point-v1", "--evaluate", f"--checkpoint={run_dir / 'policy.pt'}", "--threads=1"]
    assert main(["train", *flags, "--num_eval_envs=3"]) == 0
    assert "95 % interval" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, word",
    [
        (["--checkpoint", "nowhere.pt", "--env_id", "Point-v1"], "--checkpoint nowhere.pt: no such file"),
        (["--checkpoint", "nowhere.pt"], "--checkpoint nowhere.pt: no such file"),
        (["--checkpoint", "POLICY", "--episodes", "0"], "--episodes 0"),
        (["--checkpoint", "POLICY", "--num_eval_envs", "0"], "--num_eval_envs 0"),
        (["--checkpoint", "LOOSE"], "--env_id"),
    ],
)
def test_bad_input_is_refused(run_dir, tmp_path, capsys, arguments, word):
    loose = tmp_path / "loose.pt"
    loose.write_bytes((run_dir / "policy.pt").read_bytes())
    named = {"POLICY": str(run_dir / "policy.pt"), "LOOSE": str(loose)}
    assert main(["eval", *(named.get(argument, argument) for argument in arguments)]) == 2
    assert word in capsys.readouterr().err
