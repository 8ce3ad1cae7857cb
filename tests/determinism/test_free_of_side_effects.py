"""What a run shows, saves and evaluates never changes what it learns."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sac.config import LAYOUT_FIELDS, TrainConfig
from sac.learner.sac import Learner
from sac.ledger.file import Ledger
from sac.rollout.collector import Collector
from tests.determinism.runs import POINT, assert_equal, assert_parts_at, run_here, scramble

CHANGES: dict[str, dict[str, object]] = {
    "other evaluation cadence": {"eval_freq": 16},
    "no evaluation": {"eval_freq": 0},
    "more evaluation environments": {"num_eval_envs": 7},
    "longer evaluations": {"num_eval_steps": 93},
    "evaluation ends at success": {"eval_partial_reset": True},
    "evaluation scenes kept": {"eval_reconfiguration_freq": None},
    "logging at each iteration": {"log_freq": 1, "tensorboard": True},
    "policies saved": {"save_model": True},
    "fewer ledger lines": {"ledger_freq": 3},
    "named": {"exp_name": "other"},
    "with progress": {"progress": True},
    "no progress": {"progress": False},
    "asked for video": {"capture_video": True},
    "unused flags": {"num_steps": 9, "env_vectorization": "cpu", "wandb_project_name": "p", "wandb_group": "g"},
    "checkpoints": {"checkpoint_freq": "2", "keep_checkpoints": 3},
    "checkpoints by the clock": {"checkpoint_freq": "0.001m"},
    "stops later": {"total_timesteps": 200},
    # The point task has no processes; the test below tries them on a real one.
    "workers": {"workers": 2},
    "threads": {"threads": 3},
}
NOT_TRIED = {
    "run_dir": "differs in every test here",
    "track": "needs an account",
    "wandb_entity": "needs an account",
    "cuda_graph": "needs a GPU, where tests/unit/learner/test_fused.py tries it",
}


def training_channels(ledger: Ledger) -> Ledger:
    """The ledger without its evaluation channels, which may differ where evaluations do."""
    lines = [
        replace(line, digests={name: value for name, value in line.digests.items() if not name.startswith("eval.")})
        for line in ledger.lines
    ]
    return replace(ledger, lines=tuple(lines))


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return run_here(tmp_path_factory.mktemp("base"))


@pytest.mark.parametrize("name", CHANGES)
def test_training_does_not_notice(base, tmp_path, name):
    scramble(hash(name) % 2**32)
    changed = run_here(tmp_path / "changed", **CHANGES[name])
    assert_equal(training_channels(base), training_channels(changed))


def test_every_layout_flag_is_tried():
    tried = {flag for change in CHANGES.values() for flag in change} | NOT_TRIED.keys()
    assert tried == LAYOUT_FIELDS


def test_every_other_flag_is_part_of_a_runs_meaning():
    """A flag that is in neither list has been forgotten: decide, and try it above if it is layout."""
    meaning = set(
        [
            "seed",
            "torch_deterministic",
            "cuda",
            "save_trajectory",
            "evaluate",
            "checkpoint",
            "env_id",
            "num_envs",
            "partial_reset",
            "reconfiguration_freq",
            "save_train_video_freq",
            "control_mode",
            "buffer_size",
            "buffer_device",
            "gamma",
            "tau",
            "batch_size",
            "learning_starts",
            "policy_lr",
            "q_lr",
            "policy_frequency",
            "target_network_frequency",
            "alpha",
            "autotune",
            "training_freq",
            "utd",
            "bootstrap_at_done",
            "sim_backend",
            "device",
            "numerics",
            "overlap",
            "reward_mode",
            "imports",
        ]
    )
    assert meaning | LAYOUT_FIELDS == set(TrainConfig().to_dict())
    assert not meaning & LAYOUT_FIELDS


def test_an_evaluation_finds_the_same_at_any_cadence(base, tmp_path):
    often = run_here(tmp_path / "often", eval_freq=16)
    found = {line.global_step: line.digests for line in often.lines}
    for line in base.lines:
        for channel in ("eval.action", "eval.return"):
            if channel in line.digests:
                assert line.digests[channel] == found[line.global_step][channel]


def test_an_evaluation_that_trains_would_be_noticed(base, tmp_path, monkeypatch):
    """Negative control: an evaluation that touches the actor's weights parts at the parameters."""
    act_mean = Learner.act_mean

    def meddling(self, observation):
        self.state.actor.flat[0] += 1e-7
        return act_mean(self, observation)

    monkeypatch.setattr(Learner, "act_mean", meddling)
    often = run_here(tmp_path / "often", eval_freq=16)
    assert_parts_at(training_channels(base), training_channels(often), "param.actor", 1)


@pytest.mark.parametrize("num_envs", [2, 8])
def test_an_environments_warm_up_does_not_depend_on_how_many_there_are(tmp_path, num_envs):
    """Environment i's first episodes are its own: same seeds, same actions, same observations."""
    few = _warm_up(1)
    many = _warm_up(num_envs)
    for field in ("observation", "action", "reward", "next_observation", "terminated", "truncated", "reset_seed"):
        assert (getattr(few, field)[:, 0] == getattr(many, field)[:, 0]).all(), field
    assert (many.observation[:, 0] != many.observation[:, 1]).any(), "environments must not share their episodes"


def _warm_up(num_envs: int):
    """Sixty steps of warm-up in each environment."""
    import torch

    from sac.envs.factory import make_vector_env
    from sac.streams import Streams

    config = replace(POINT, num_envs=num_envs, training_freq=60 * num_envs)
    streams = Streams(config.seed)
    envs = make_vector_env("Point-v1", num_envs, streams.training_episodes, ignore_terminations=True)
    learner = Learner(config, envs.spec, torch.device("cpu"))
    return Collector(config, envs, learner, streams).collect(warm_up=True)
