"""A run that died with so many worker processes goes on with another number of them, to the same bits."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sac.ledger.file import read_ledger
from tests.determinism.dying import KILLED, Death, run
from tests.determinism.resuming import FLAGS, assert_equal_runs, finish, resumed_from, uninterrupted
from tests.determinism.runs import assert_equal, run_fresh
from tests.determinism.spread_point import ENV_ID
from tests.nightly import NIGHTLY, at_night

STEPS = 48 + 4 * 20
"""Steps of the environments in an uninterrupted run, those of its evaluations included."""
SPREAD = [*FLAGS, f"--env_id={ENV_ID}"]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """The point task in one process, never killed."""
    return uninterrupted(tmp_path_factory.mktemp("base") / "run", "--checkpoint_freq=0")


workers = st.sampled_from(["serial", 1, 2, 3, 4])


@settings(max_examples=20 if NIGHTLY else 3)
@given(st.integers(1, STEPS), workers, workers, st.integers(1, 4))
def test_a_run_killed_with_some_workers_and_resumed_with_others_is_equal(base, death, before, after, cadence):
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "run"
        flags = [*SPREAD, f"--checkpoint_freq={cadence}", f"--workers={before}"]
        assert run([*flags, "--run_dir", str(folder)], Death(step=death, spread=True)) == KILLED
        finish(folder, flags, (f"--workers={after}",), surroundings=Death(spread=True))
        assert_equal_runs(folder, base)


def test_a_worker_that_restores_its_neighbours_environment_would_be_noticed(tmp_path):
    """Negative control: what `--workers` hands to whom matters."""
    folder, output = tmp_path / "run", tmp_path / "output.txt"
    flags = [*SPREAD, "--checkpoint_freq=3", "--workers=1", "--run_dir", str(folder)]
    assert run(flags, Death(step=100, spread=True)) == KILLED
    assert run(["--resume", str(folder), "--workers=2"], Death(spread=True, rolled=True), output) == 2
    assert "environment 0 can't be restored" in output.read_text()


STACK_CUBE = ["--env_id=StackCube-v1", "--control-mode=pd_ee_delta_pos", "--num_envs=4", "--training_freq=32"]
STACK_CUBE += ["--batch_size=64", "--buffer_size=2_000", "--learning_starts=96", "--total_timesteps=352", "--utd=0.25"]
STACK_CUBE += ["--eval_freq=0", "--threads=1", "--no-capture_video", "--no-tensorboard", "--checkpoint_freq=2"]
"""Eleven iterations of 8 steps; learning from the third on."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """StackCube-v1 in one process, never killed."""
    folder = tmp_path_factory.mktemp("stack_cube") / "whole"
    done = run_fresh(folder, [*STACK_CUBE, "--workers=serial"])
    assert done.returncode == 0, done.stderr
    return folder


def dies_and_goes_on(folder: Path, step: int, before: object, after: object, *more: str) -> int:
    """Kill a run of StackCube-v1 at a step, resume it, and return the iteration from which it went on."""
    flags = [*STACK_CUBE, f"--workers={before}", *more]
    killed = run_fresh(folder, flags, "tests.determinism.dying", before=(str(step),))
    assert killed.returncode == KILLED, killed.stderr
    resumed = run_fresh(None, ["--resume", str(folder), f"--workers={after}"])
    assert resumed.returncode == 0, resumed.stderr
    return resumed_from(folder)[-1]


@pytest.mark.maniskill
def test_a_maniskill_run_killed_in_mid_episode_is_resumed_with_other_workers_to_the_same_bits(whole, tmp_path):
    # 64 steps are 50 of the first episode and 14 of the second.
    assert dies_and_goes_on(tmp_path / "run", 71, 2, "serial") == 8
    assert_equal(read_ledger(tmp_path / "run"), read_ledger(whole))
    assert_equal_runs(tmp_path / "run", whole, ("ledger.jsonl", "policy.pt"))


@pytest.mark.maniskill
@at_night("drawn deaths of ManiSkill runs take minutes")
@settings(max_examples=6)
@given(st.integers(17, 87), workers, workers)
def test_a_maniskill_run_killed_at_any_step_is_resumed_with_any_workers(whole, step, before, after):
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "run"
        assert dies_and_goes_on(folder, step, before, after) == (step - 1) // 16 * 2
        assert_equal_runs(folder, whole, ("ledger.jsonl", "policy.pt"))


@pytest.mark.maniskill
@at_night("the point task shows it for every pull request")
def test_an_overlapped_maniskill_run_killed_in_mid_episode_is_resumed_to_the_same_bits(tmp_path):
    done = run_fresh(tmp_path / "whole", [*STACK_CUBE, "--workers=serial", "--overlap"])
    assert done.returncode == 0, done.stderr
    assert dies_and_goes_on(tmp_path / "run", 71, 2, "serial", "--overlap") == 8
    assert_equal_runs(tmp_path / "run", tmp_path / "whole", ("ledger.jsonl", "policy.pt"))
