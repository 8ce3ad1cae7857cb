"""The command line: ManiSkill's commands work, and bad input is status 2 and one message, never a traceback."""

import dataclasses
import os
import re
import typing

import pytest

import sac
from sac.checkpoint.resume import read_config
from sac.cli import main
from sac.commands.train import parse_train
from sac.config import INTEGER_BOUND, BadConfig, TrainConfig, check
from sac.numerics import profiles

ISSUE_1250 = (
    "--env_id=StackCube-v1 --num_envs=32 --utd=0.5 --buffer_size=500_000 --total_timesteps=500_000 "
    "--eval_freq=50_000 --control-mode=pd_ee_delta_pos"
)
BOOLEANS = [field.name for field in dataclasses.fields(TrainConfig) if isinstance(field.default, bool)]

# Command line -> what the message must hold.
BAD = {
    "": ["usage: sac COMMAND"],
    "trian": [
        "no command 'trian'; did you mean train?",
        "train, eval, twin, diff, sweep, stats, similarity, sensitivity, golden, ",
        "golden, why, gate, trace, bench, verify, doctor, report",
    ],
    "--seed 1": ["no command '--seed'"],
    "train --nonsense 3": ["--nonsense"],
    "train positional": ["positional"],
    "train --seed": ["--seed"],
    "train --seed 1.5": ["--seed", "1.5"],
    "train --total_timesteps 1e6": ["--total_timesteps", "1e6"],
    "train --gamma high": ["--gamma", "high"],
    "train --numerics exact": ["exact", "fast", "deterministic", "portable"],
    "train --bootstrap_at_done sometimes": ["sometimes", "always", "never", "truncated"],
    "train --device tpu": ["tpu", "auto", "cpu", "cuda"],
    "train --num_envs 0": ["--num_envs 0", "greater than 0"],
    "train --num-envs=10": ["--num_envs 10", "1, 2, 4, 8, 16, 32, 64"],
    "train --utd inf": ["--utd inf", "finite"],
    "train --seed 4611686018427387904": ["--seed 4611686018427387904", "less than 2^62", "4611686018427387904"],
    "train --seed 18446744073709551617": ["--seed 18446744073709551617", "less than 2^62"],
    "eval --checkpoint {tmp}/file --env_id Point-v1 --seed 4611686018427387904": ["--seed", "less than 2^62"],
    "train --training_freq 1000000000000001 --num_envs 16 --utd 0": [
        "--num_envs 16",
        "--training_freq 1000000000000001",
    ],
    "train --gamma nan": ["--gamma nan", "finite"],
    "train --no-torch-deterministic": ["--numerics fast"],
    "train --save_trajectory": ["--save_trajectory"],
    "train --evaluate": ["--evaluate", "--checkpoint"],
    "train --checkpoint /nowhere/p.pt": ["--checkpoint /nowhere/p.pt", "no such file"],
    "train --env_id Point-v9 --run_dir {tmp}/new": ["--env_id 'Point-v9'", "Point-v1"],
    "train --env_id Point-v1 --num_eval_steps 3 --run_dir {tmp}/new": ["--num_eval_steps 3", "at least 20"],
    "train --env_id Point-v1 --run_dir {tmp}/taken": ["--run_dir {tmp}/taken", "holds a run already"],
    "train --env_id Point-v1 --run_dir {tmp}/file/x": ["--run_dir {tmp}/file/x", "can't be written"],
    "train --env_id Point-v1 --sim_backend physx_cuda --run_dir {tmp}/new": ["--sim_backend physx_cuda", "physx_cpu"],
    "train --env_id Point-v1 --threads 9 --run_dir {tmp}/new": ["--threads 9", "at most 8"],
    "train --env_id Point-v1 --checkpoint {tmp}/file --run_dir {tmp}/new": ["--checkpoint {tmp}/file", "not a policy"],
    "eval": ["--checkpoint"],
    "eval --checkpoint": ["--checkpoint"],
    "eval /nowhere/p.pt": ["--checkpoint /nowhere/p.pt", "no such file"],
    "eval ~/p.pt": ["/home/of/nobody/p.pt", "no such file"],
    "eval --checkpoint ~/p.pt": ["/home/of/nobody/p.pt", "no such file"],
    "eval {tmp}/file --checkpoint {tmp}/file": ["not allowed with"],
    "train --checkpoint ~/p.pt": ["--checkpoint /home/of/nobody/p.pt", "no such file"],
    "train --resume ~/run": ["/home/of/nobody/run", "no run folder"],
    "diff ~/a ~/b": ["/home/of/nobody/a", "no such file"],
    "golden --dir ~/g": ["/home/of/nobody/g"],
    "eval --checkpoint /nowhere/p.pt": ["--checkpoint /nowhere/p.pt", "no such file"],
    "eval --checkpoint {tmp}/taken": ["--checkpoint {tmp}/taken", "no such file", "policy.pt"],
    "train --checkpoint {tmp}/trained": ["--checkpoint {tmp}/trained", "did you mean {tmp}/trained/policy.pt?"],
    "eval --checkpoint /nowhere/p.pt --env-id Point-v1": ["--checkpoint /nowhere/p.pt", "no such file"],
    "eval --checkpoint {tmp}/file --env_id Point-v1": ["--checkpoint {tmp}/file", "not a policy file"],
    "eval --checkpoint {tmp}/file --env_id Point-v1 --episodes 0": ["--episodes 0", "greater than 0"],
    "eval --checkpoint {tmp}/file --env_id Point-v1 --num_eval_envs 0": ["--num_eval_envs 0", "greater than 0"],
    "eval --checkpoint {tmp}/file --env_id Point-v1 --seed -3": ["--seed -3", "negative"],
    "eval --checkpoint {tmp}/file --env_id Point-v1 --numerics exact": ["exact", "portable"],
    "twin --runs 1": ["--runs 1", "at least 2"],
    "twin --vary x": ["--vary x", "NAME=A,B"],
    "twin --vary seed=1": ["--vary seed=1", "two values"],
    "twin --vary seed=1,2 --vary threads=1,2,3": ["--vary", "same number"],
    "twin --run_dir {tmp}/new": ["--run_dir", "--keep"],
    "twin --run-dir={tmp}/new": ["--run_dir", "--keep"],
    "twin --num_envs 7": ["--num_envs 7", "--training_freq 64"],
    "diff": ["a, b"],
    "diff {tmp}/file": ["b"],
    "diff {tmp}/none {tmp}/file": ["{tmp}/none", "no such file"],
    "similarity": ["A, B"],
    "similarity {tmp}/file {tmp}/file": ["A {tmp}/file", "not a policy file"],
    "sensitivity --at 0 --env_id Point-v1": ["--at 0", "between 1 and"],
    "sensitivity --ulp bias": ["bias", "weight", "observation"],
    "golden nothing": ["'nothing'", "point, point_overlap, stack_cube, stack_cube_overlap"],
    "golden --update": ["--update", "--reason"],
    "golden --dir": ["--dir"],
    "bench": ["command"],
    "bench compare --base no-such-revision": ["--base no-such-revision", "git log --oneline"],
    "bench compare --base HEAD --head --root": ["--head"],
    "bench compare --base HEAD --benchmarks update_1": ["--benchmarks update_1", "update_256"],
    "bench compare --base HEAD --threshold 10": ["--threshold 10.0", "between 0 and 1"],
    "bench compare --base HEAD --pairs 2": ["--pairs 2", "at least 3"],
    "bench compare --base HEAD --seconds 0": ["--seconds 0.0", "greater than 0"],
    "bench compare --base HEAD --json {tmp}/nowhere/f": ["{tmp}/nowhere/f", "folder"],
    "bench calibrate --sizes big": ["--sizes big", "0.05"],
    "bench calibrate --sizes 5": ["--sizes 5", "at most 1"],
    "bench calibrate --faults sleep": ["--faults sleep", "critic pass"],
    "bench calibrate --repeats 0": ["--repeats 0", "at least 1"],
    "doctor now": ["now"],
}


@pytest.fixture(autouse=True)
def in_process(monkeypatch):
    """What a profile does to a process happens in a fresh one only; here it would restart the tests themselves."""
    monkeypatch.setenv("HOME", "/home/of/nobody")
    monkeypatch.setattr(profiles, "prepare", lambda profile: None)
    monkeypatch.setattr(os, "execv", lambda *arguments: pytest.fail("the process would have been restarted"))
    monkeypatch.setattr(profiles, "apply", checks_threads_alone)


def checks_threads_alone(profile, threads):
    if threads > profiles.PROFILES[profile].max_threads:
        REAL_APPLY(profile, threads)


REAL_APPLY = profiles.apply


def status(arguments):
    try:
        return main(arguments)
    except SystemExit as stopped:
        return stopped.code


def text(captured):
    """All that was printed, without colours, frames and line breaks."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", captured.out + captured.err)
    return " ".join(re.sub(r"[─│╭╮╰╯]", " ", plain).split())


@pytest.mark.parametrize("line", BAD)
def test_bad_input_is_status_2_and_a_message(line, tmp_path, capsys):
    (tmp_path / "file").write_text("nothing")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "manifest.json").write_text("{}")
    (tmp_path / "trained").mkdir()
    (tmp_path / "trained" / "policy.pt").write_text("nothing")
    assert status([part.format(tmp=tmp_path) for part in line.split()]) == 2
    captured = capsys.readouterr()
    found = text(captured)
    assert "Traceback" not in found
    assert [part for part in BAD[line] if part.format(tmp=tmp_path) not in found] == []
    # Nothing was written over.
    assert (tmp_path / "taken" / "manifest.json").read_text() == "{}"


def test_an_error_that_is_a_bug_keeps_its_traceback(monkeypatch):
    def broken(arguments):
        raise RuntimeError("a bug")

    monkeypatch.setitem(sac.cli._COMMANDS, "train", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        main(["train"])


def test_interruption_is_told(monkeypatch, capsys):
    def interrupted(arguments):
        raise KeyboardInterrupt

    monkeypatch.setitem(sac.cli._COMMANDS, "train", interrupted)
    assert main(["train"]) == 130
    assert "sac train: interrupted" in capsys.readouterr().err


HINTS = typing.get_type_hints(TrainConfig)
INTEGERS = [name for name, hint in HINTS.items() if hint is int or int in typing.get_args(hint)]


@pytest.mark.parametrize("name", INTEGERS)
def test_every_integer_has_the_bound_that_resuming_has(name):
    config = TrainConfig(**{name: INTEGER_BOUND})
    with pytest.raises(BadConfig, match=rf"--{name} {INTEGER_BOUND}: must be less than 2\^62"):
        check(config)
    stored = {**TrainConfig().to_manifest(), name: INTEGER_BOUND - 1}
    assert getattr(read_config(stored, "here"), name) == INTEGER_BOUND - 1
    with pytest.raises(BadConfig, match=f"--{name}"):
        read_config({**stored, name: INTEGER_BOUND}, "here")


# The largest ones are no error, but no test would see their end.
@pytest.mark.parametrize("name", sorted({*INTEGERS} - {"total_timesteps", "num_eval_steps"}))
def test_the_largest_integer_trains_or_is_one_message(name, tmp_path, capsys):
    base = "--env_id=Point-v1 --num_envs=1 --training_freq=8 --batch_size=8 --buffer_size=100 --learning_starts=8"
    base += f" --total_timesteps=16 --eval_freq=8 --threads=1 --run_dir={tmp_path}/run --no-tensorboard --no-progress"
    found = status(["train", *base.split(), f"--{name}={INTEGER_BOUND - 1}"])
    assert found == 0 or (found == 2 and not (tmp_path / "run").exists()), capsys.readouterr().err


def test_the_command_of_issue_1250_parses_as_written():
    expected = TrainConfig(
        env_id="StackCube-v1",
        num_envs=32,
        utd=0.5,
        buffer_size=500_000,
        total_timesteps=500_000,
        eval_freq=50_000,
        control_mode="pd_ee_delta_pos",
    )
    assert parse_train(ISSUE_1250.split()) == expected
    assert parse_train(ISSUE_1250.replace("=", " ").split()) == expected


@pytest.mark.parametrize("swap", [("_", "-"), ("-", "_")])
def test_dashes_and_underscores_are_alike(swap):
    flags = [re.sub("^--([a-z_-]+)", lambda m: "--" + m[1].replace(*swap), part) for part in ISSUE_1250.split()]
    assert flags != ISSUE_1250.split()
    assert parse_train(flags) == parse_train(ISSUE_1250.split())


def test_no_flags_give_the_defaults():
    assert parse_train([]) == TrainConfig()


@pytest.mark.parametrize("name", BOOLEANS)
def test_every_switch_goes_both_ways(name):
    assert getattr(parse_train([f"--{name}"]), name) is True
    for spelling in (f"--no_{name}", f"--no-{name}", f"--no-{name.replace('_', '-')}"):
        assert getattr(parse_train([spelling]), name) is False


def test_none_can_be_said():
    flags = ["--reconfiguration_freq", "None", "--control_mode", "None", "--eval_reconfiguration_freq=None"]
    config = parse_train(flags)
    assert (config.reconfiguration_freq, config.control_mode, config.eval_reconfiguration_freq) == (None, None, None)


def test_a_negative_number_is_a_value_and_no_flag():
    assert parse_train(["--seed", "-3"]).seed == -3


def test_help_lists_every_command(capsys):
    assert main(["--help"]) == 0
    found = capsys.readouterr().out
    assert [
        name for name in ("train", "eval", "twin", "diff", "golden", "bench", "doctor") if f"\n  {name} " not in found
    ] == []


# Command -> how its description begins.
DESCRIBED = {
    "train": "Train Soft Actor-Critic",
    "eval": "Evaluate a saved policy",
    "twin": "Train several times",
    "diff": "Compare two runs",
    "golden": "Run short trainings",
    "bench": "Benchmark two revisions",
    "doctor": "Try what `sac` needs",
    "report": "Write one page",
    "similarity": "How alike are two policies",
    "sensitivity": "What does one rounding do",
}


@pytest.mark.parametrize("command", DESCRIBED)
def test_every_command_has_help_that_says_what_it_does(command, capsys):
    assert status([command, "--help"]) == 0
    found = text(capsys.readouterr())
    assert "usage: sac" in found
    assert DESCRIBED[command] in found
    # What a docstring says to programmers is nothing to users.
    assert "_command" not in found and f"`sac {command}`;" not in found and "is given" not in found


def test_help_of_train_tells_every_flag(capsys):
    assert status(["train", "--help"]) == 0
    found = capsys.readouterr().out
    names = {f.name for f in dataclasses.fields(TrainConfig)} - {"imports"} | {"import"}
    assert [name for name in names if f"--{name}" not in found] == []


def test_help_of_train_is_in_groups(capsys):
    assert status(["train", "--help"]) == 0
    found = capsys.readouterr().out
    groups = ("experiment", "environment", "algorithm", "machine", "run_folder", "going_on")
    assert [name for name in groups if f"{name} options" not in found.replace("-", "_")] == []


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == sac.__version__


@pytest.mark.parametrize(
    "flags, word",
    [
        (["--buffer_size=100_000_000_000_000"], "--buffer_size 100000000000000"),
        ([f"--run_dir={'x' * 300}"], "--run_dir"),
        (["--policy_lr=1e30", "--total_timesteps=64"], "--policy_lr 1e+30"),
    ],
)
def test_what_only_shows_late_is_still_one_message(tmp_path, capsys, flags, word):
    base = "--env_id=Point-v1 --num_envs=1 --training_freq=8 --batch_size=8 --buffer_size=100 --learning_starts=8"
    base += f" --total_timesteps=16 --eval_freq=0 --threads=1 --run_dir={tmp_path}/run"
    assert main(["train", *base.split(), *flags]) == 2
    assert word in capsys.readouterr().err
