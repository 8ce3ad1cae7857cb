"""`sac similarity`: what it finds of two policies, and what it refuses."""

from __future__ import annotations

import json

import pytest
import torch

from sac.cli import main
from sac.commands.similarity import agreement_of
from sac.rollout.episodes import EPISODE_METRICS, EpisodeLog

TRAIN = ["--env_id=Point-v1", "--num_envs=4", "--training_freq=16", "--batch_size=16", "--buffer_size=400"]
TRAIN += ["--learning_starts=64", "--total_timesteps=96", "--eval_freq=0", "--threads=1", "--no-tensorboard"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two seeds of the point task."""
    root = tmp_path_factory.mktemp("similarity")
    for name, seed in (("a", 1), ("b", 2)):
        assert main(["train", *TRAIN, f"--seed={seed}", f"--run_dir={root / name}"]) == 0
    return root


def compared(capsys, *arguments: object) -> dict:
    assert main(["similarity", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def changed(runs, target, change):
    """A copy of A's policy file in which something is another."""
    saved = torch.load(runs / "a" / "policy.pt", weights_only=True)
    change(saved)
    torch.save(saved, target)
    return target


def rows(found):
    return {one["layer"]: one for one in found["parameters"]}


def test_a_policy_is_at_no_distance_from_itself(runs, capsys):
    found = compared(capsys, runs / "a", runs / "a" / "policy.pt")
    assert all(one["bits_equal"] and one["distance"] == 0 for one in found["parameters"])
    assert found["behaviour"]["action"] == found["behaviour"]["kl_a_b"] == {"mean": 0.0, "max": 0.0}
    assert found["agreement"]["only_a"] == found["agreement"]["only_b"] == 0
    assert all(value == pytest.approx(1) for value in found["behaviour"]["cka"].values())


def test_other_seeds_are_other_policies(runs, capsys):
    """Negative control."""
    found = compared(capsys, runs / "a", runs / "b")
    assert not any(one["bits_equal"] for one in found["parameters"])
    assert found["behaviour"]["action"]["max"] >= found["behaviour"]["action"]["mean"] > 0
    assert found["behaviour"]["kl_a_b"] != found["behaviour"]["kl_b_a"]
    assert all(value < 1 for value in found["behaviour"]["cka"].values())
    assert found["agreement"]["episodes"] == 16


def test_one_ulp_of_one_weight_is_found_in_its_layer_alone(runs, tmp_path, capsys):
    def change(saved):
        weight = saved["actor"]["backbone.2.weight"]
        weight[3, 5] = torch.nextafter(weight[3, 5], torch.tensor(torch.inf))

    other = changed(runs, tmp_path / "one.pt", change)
    found = rows(compared(capsys, runs / "a", other, "--episodes", 0))
    assert {name for name, one in found.items() if not one["bits_equal"]} == {"actor.backbone.2", "actor (all)"}
    assert 0 < found["actor.backbone.2"]["largest"] < 1e-7


def test_the_order_of_the_two_changes_no_observation(runs, capsys):
    one, two = (compared(capsys, runs / x, runs / y, "--episodes=0") for x, y in (("a", "b"), ("b", "a")))
    assert one["observations"] == two["observations"]
    assert one["behaviour"]["kl_a_b"] == two["behaviour"]["kl_b_a"]


def test_observations_can_be_those_of_a_replay_buffer(runs, capsys):
    found = compared(capsys, runs / "a", runs / "b", f"--observations={runs / 'a'}", "--num_observations=50")
    assert found["observations"]["count"] == 50
    assert "50 of the 96 in the replay buffer" in found["observations"]["source"]


def test_what_was_not_compared_is_said(runs, tmp_path, capsys):
    other = changed(runs, tmp_path / "one.pt", lambda saved: saved.pop("qf2"))
    found = compared(capsys, runs / "a", other, "--episodes=0")
    assert found["agreement"] is None
    assert found["notes"] == ["qf2: not compared: B holds none", "success: not compared: --episodes 0"]
    assert "qf2 (all)" not in rows(found)


def test_people_read_tables_with_units(runs, capsys):
    assert main(["similarity", str(runs / "a"), str(runs / "b")]) == 0
    found = capsys.readouterr().out
    for words in ("L2 / that of A", "nats", "uniform actions", "success in the same 16 episodes", "linear CKA"):
        assert words in found


def test_agreement_counts_every_pair_of_outcomes():
    def log(successes):
        found = EpisodeLog()
        values = torch.tensor(successes, dtype=torch.float64)
        found.add({name: values for name in EPISODE_METRICS})
        return found

    found = agreement_of(log([1, 1, 1, 0, 0, 0]), log([1, 1, 0, 1, 0, 0]))
    assert (found.both, found.only_a, found.only_b, found.neither, found.agree) == (2, 1, 1, 2, 4)


def narrower(saved):
    saved["actor"]["backbone.0.weight"] = saved["actor"]["backbone.0.weight"][:, :5]


def other_box(saved):
    saved["actor"]["action_scale"] *= 2


def not_finite(saved):
    saved["actor"]["fc_mean.bias"][0] = torch.nan


@pytest.mark.parametrize(
    "change, words",
    [
        (narrower, ["B", "actor.backbone.0.weight has shape (256, 5)", "(256, 6)", "one task"]),
        (other_box, ["B", "action_scale", "one control mode"]),
        (not_finite, ["B", "actor.fc_mean.bias", "NaN"]),
        (lambda saved: saved["actor"].pop("fc_logstd.bias"), ["B", "fc_logstd.bias", "sac.py"]),
    ],
)
def test_unlike_policies_are_refused(runs, tmp_path, capsys, change, words):
    other = changed(runs, tmp_path / "other.pt", change)
    assert main(["similarity", str(runs / "a"), str(other)]) == 2
    found = capsys.readouterr().err
    assert [word for word in words if word not in found] == []


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["nowhere.pt", "A"], ["A nowhere.pt", "no such file"]),
        (["A", "nowhere.pt"], ["B nowhere.pt", "no such file"]),
        (["A", "A", "--episodes=-1"], ["--episodes -1"]),
        (["A", "A", "--num_observations=1"], ["--num_observations 1", "at least 2"]),
        (["A", "A", "--observations=nowhere"], ["--observations nowhere", "no run folder"]),
        (["LOOSE", "LOOSE"], ["A ", "--env_id", "--observations RUN"]),
    ],
)
def test_bad_input_is_refused(runs, tmp_path, capsys, arguments, words):
    loose = changed(runs, tmp_path / "loose.pt", lambda saved: None)
    named = {"A": str(runs / "a"), "LOOSE": str(loose)}
    assert main(["similarity", *(named.get(word, word) for word in arguments)]) == 2
    found = capsys.readouterr().err
    assert [word for word in words if word not in found] == []


def test_policies_of_unlike_tasks_are_refused(runs, tmp_path, capsys):
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "policy.pt").write_bytes((runs / "a" / "policy.pt").read_bytes())
    manifest = json.loads((runs / "a" / "manifest.json").read_text())
    manifest["config"]["env_id"] = "Point-v2"
    del manifest["sha256"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert main(["similarity", str(runs / "a"), str(folder)]) == 2
    assert "--env_id is Point-v2, that of A Point-v1" in capsys.readouterr().err
