"""A run that is killed anywhere and resumed leaves the bytes of the uninterrupted one."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sac.envs.point import PointVectorEnv
from sac.ledger.comparison import compare
from sac.ledger.file import read_ledger
from tests.determinism.dying import KILLED, Death, run
from tests.determinism.resuming import FLAGS, assert_equal_runs, finish, resumed_from, uninterrupted
from tests.determinism.runs import assert_equal
from tests.nightly import NIGHTLY

STEPS = 48 + 4 * 20
"""Steps of the environments in an uninterrupted run, those of its evaluations included."""


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return uninterrupted(tmp_path_factory.mktemp("base") / "run", "--checkpoint_freq=0")


@pytest.fixture(scope="module")
def overlapped(tmp_path_factory):
    return uninterrupted(tmp_path_factory.mktemp("overlapped") / "run", "--overlap", "--checkpoint_freq=0")


deaths = st.fixed_dictionaries(
    {
        "first": st.integers(1, STEPS),
        "second": st.none() | st.integers(1, STEPS),
        "cadence": st.integers(1, 5),
        "keep": st.integers(1, 3),
    }
)


@settings(max_examples=60 if NIGHTLY else 6)
@given(deaths)
def test_a_run_killed_at_any_step_and_resumed_is_equal_to_one_never_killed(base, death):
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "run"
        flags = [*FLAGS, f"--checkpoint_freq={death['cadence']}", f"--keep_checkpoints={death['keep']}"]
        assert run([*flags, "--run_dir", str(folder)], Death(step=death["first"])) == KILLED
        if death["second"] is not None:
            # It may be over before the second death comes.
            assert run(["--resume", str(folder)], Death(step=death["second"])) in (KILLED, 0)
        finish(folder, flags)
        assert_equal_runs(folder, base)
        starts = resumed_from(folder)
        assert all(iteration % death["cadence"] == 0 or iteration == 12 for iteration in starts)
        assert starts == sorted(starts), "a later resume started before an earlier one: a checkpoint was lost"


@settings(max_examples=30 if NIGHTLY else 4)
@given(st.integers(1, STEPS), st.integers(1, 5))
def test_a_run_killed_while_learning_and_stepping_overlap_is_equal_to_one_never_killed(overlapped, step, cadence):
    """Nothing is in flight where a checkpoint is written."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "run"
        flags = [*FLAGS, "--overlap", f"--checkpoint_freq={cadence}"]
        assert run([*flags, "--run_dir", str(folder)], Death(step=step)) == KILLED
        finish(folder, flags)
        assert_equal_runs(folder, overlapped)


def test_an_overlapped_run_is_resumed_in_mid_episode_from_its_checkpoint(overlapped, base, tmp_path):
    """Guards the test above, and shows that its runs are overlapped indeed."""
    folder = tmp_path / "run"
    assert run([*FLAGS, "--overlap", "--checkpoint_freq=3", "--run_dir", str(folder)], Death(step=102)) == KILLED
    finish(folder)
    assert resumed_from(folder) == [9]
    assert_equal_runs(folder, overlapped)
    with pytest.raises(AssertionError, match="differs from the uninterrupted run's"):
        assert_equal_runs(folder, base)


def test_a_resumed_run_starts_from_its_checkpoint_and_not_from_the_beginning(base, tmp_path):
    """Guards the test above: starting again from nothing would give equal bytes too."""
    folder = tmp_path / "run"
    assert run([*FLAGS, "--checkpoint_freq=3", "--run_dir", str(folder)], Death(step=100)) == KILLED
    finish(folder)
    assert resumed_from(folder) == [9]
    assert_equal_runs(folder, base)


@pytest.mark.parametrize("leaf", ["collector.actions", "learner.actor_optim.exp_avg_sq", "metrics.recent"])
def test_a_checkpoint_that_forgets_something_is_noticed(base, tmp_path, leaf):
    """Negative control: with one leaf left at its first value, the run can't go on, or is no longer equal."""
    folder = tmp_path / "run"
    assert run([*FLAGS, "--checkpoint_freq=3", "--run_dir", str(folder)], Death(step=100)) == KILLED
    output = tmp_path / "output.txt"
    code = run(["--resume", str(folder)], Death(forget=leaf), output)
    if leaf == "collector.actions":
        assert code == 2 and "environment 0 can't be restored" in output.read_text()
        return
    assert code == 0, output.read_text()
    with pytest.raises(AssertionError, match="differs from the uninterrupted run's"):
        assert_equal_runs(folder, base)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_mid_iteration_waits_for_its_end(base, tmp_path, number):
    """Step 58 is in mid-iteration: of the four steps of iteration 5, two are still to come."""
    folder, output = tmp_path / "run", tmp_path / "output.txt"
    flags = [*FLAGS, "--checkpoint_freq=0", "--run_dir", str(folder)]
    assert run(flags, Death(signal_at=58, signal=number), output) == 3
    assert f"stopped by {signal.Signals(number).name} after iteration 5 (step 80)" in output.read_text()
    finish(folder)
    assert resumed_from(folder) == [5]
    assert_equal_runs(folder, base)


def test_a_signal_before_the_first_iteration_leaves_a_run_that_goes_on(base, tmp_path):
    """Step 1 is in the evaluation at step 0."""
    folder, output = tmp_path / "run", tmp_path / "output.txt"
    assert run([*FLAGS, "--run_dir", str(folder)], Death(signal_at=1), output) == 3
    assert "after iteration 0 (step 0)" in output.read_text()
    finish(folder)
    assert resumed_from(folder) == [0]
    assert_equal_runs(folder, base)


def test_a_signal_from_outside_stops_with_a_checkpoint_and_names_the_command_that_goes_on(base, tmp_path):
    """A process started as users do."""
    folder, name = tmp_path / "run", "SIGTERM"
    command = [sys.executable, "-m", "sac", "train", *FLAGS, "--checkpoint_freq=0", "--run_dir", str(folder)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while process.poll() is None and not _lines(folder) and time.monotonic() < deadline:
        time.sleep(0.001)
    process.send_signal(getattr(signal, name))
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 3, errors
    assert f"stopped by {name}" in errors and f"sac train --resume {folder}" in errors
    assert len(resumed_from(folder)) == 0
    finish(folder)
    (iteration,) = resumed_from(folder)
    assert iteration == _stopped_at(errors)
    assert_equal_runs(folder, base)


def _lines(folder: Path) -> int:
    ledger = folder / "ledger.jsonl"
    return max(0, ledger.read_bytes().count(b"\n") - 1) if ledger.exists() else 0


def _stopped_at(errors: str) -> int:
    return int(errors.split("after iteration ")[1].split()[0])


def test_a_second_signal_ends_the_run_at_once(tmp_path):
    """It comes in the same step as the first one, so the iteration is never finished."""
    folder, output = tmp_path / "run", tmp_path / "output.txt"
    code = run([*FLAGS, "--run_dir", str(folder)], Death(signal_at=50, second_signal_at=51), output)
    assert code == 128 + signal.SIGTERM and "again" in output.read_text()
    assert not list(folder.glob("checkpoints/states/*.json"))


def test_flags_that_may_change_do_and_the_others_are_refused_with_both_values(tmp_path, base):
    folder, output = tmp_path / "run", tmp_path / "output.txt"
    assert run([*FLAGS, "--checkpoint_freq=3", "--run_dir", str(folder)], Death(step=100)) == KILLED
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert run(["--resume", str(folder), "--run_dir=other"], output=output) == 2
    assert "--run_dir other: --resume names the run's folder already" in output.read_text()
    wrong = ["--seed=7", "--batch_size=32", "--env_id=PushCube-v1", "--overlap"]
    assert run(["--resume", str(folder), *wrong, "--total_timesteps=320"], output=output) == 2
    message = output.read_text()
    for words in ("--seed is 1, not 7", "--batch_size is 16, not 32", "--env_id is Point-v1, not PushCube-v1"):
        assert words in message
    assert "--overlap is False, not True" in message and "--total_timesteps is" not in message
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before, "a refusal left traces"
    finish(folder, extra=("--total_timesteps=320", "--eval_freq=32", "--seed=1", "--log_freq=1"))
    longer = uninterrupted(tmp_path / "longer", "--total_timesteps=320", "--eval_freq=32")
    assert_equal(read_ledger(folder), read_ledger(longer))
    assert read_ledger(folder).lines[-1].iteration == 20
    (resumed,) = json.loads((folder / "manifest.json").read_text())["resumed"]
    assert resumed["changed"]["total_timesteps"] == [192, 320] and "seed" not in resumed["changed"]


def test_a_finished_run_can_be_prolonged(base, tmp_path):
    folder = tmp_path / "run"
    uninterrupted(folder, "--checkpoint_freq=5")
    finish(folder, extra=("--total_timesteps=256",))
    longer = uninterrupted(tmp_path / "longer", "--total_timesteps=256")
    assert_equal(read_ledger(folder), read_ledger(longer))
    assert resumed_from(folder) == [12]


def test_a_finished_run_says_so_stays_as_it_is_and_is_not_cut_short(base, tmp_path):
    folder, output = tmp_path / "run", tmp_path / "output.txt"
    uninterrupted(folder, "--checkpoint_freq=5")
    assert [path.name for path in folder.glob("checkpoints/states/*.json")] == ["state-000000000012.json"]
    assert run(["--resume", str(folder)], output=output) == 0
    assert "the run has ended, at step 192" in output.read_text()
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "lock"}
    assert run(["--resume", str(folder), "--total_timesteps=100"], output=output) == 2
    assert "--total_timesteps 100: the checkpoint is of step 192" in output.read_text()
    assert {path: path.read_bytes() for path in before} == before
    assert_equal_runs(folder, base)


def test_another_arithmetic_is_refused_unless_allowed_and_then_recorded(tmp_path):
    folder, output = tmp_path / "run", tmp_path / "output.txt"
    assert run([*FLAGS, "--checkpoint_freq=3", "--run_dir", str(folder)], Death(step=100)) == KILLED
    assert run(["--resume", str(folder)], Death(cpu="another"), output) == 2
    assert "cpu: " in output.read_text() and "--allow_drift" in output.read_text()
    assert resumed_from(folder) == []
    assert run(["--resume", str(folder), "--allow_drift"], Death(cpu="another"), output) == 0, output.read_text()
    (resumed,) = json.loads((folder / "manifest.json").read_text())["resumed"]
    assert resumed["drift"][0].endswith(", another")
    (drift,) = read_ledger(folder).header["drift"]
    assert drift == {"after_iteration": 9, "differences": resumed["drift"]}
    assert any("another arithmetic" in note for note in compare(read_ledger(folder), read_ledger(folder)).notes)
    # Back on the first machine the same holds: the newest checkpoint is now the other one's.
    assert run(["--resume", str(folder), "--total_timesteps=256"], output=output) == 2
    assert "cpu: another, " in output.read_text()


def test_a_simulator_that_does_not_come_back_stops_the_run_and_names_the_environment(tmp_path, monkeypatch, capsys):
    """Fails closed: one bit in one environment's restored observation."""
    from sac.cli import main

    folder = tmp_path / "run"
    assert run([*FLAGS, "--checkpoint_freq=3", "--run_dir", str(folder)], Death(step=100)) == KILLED
    restore = PointVectorEnv.restore

    def nearly(self, episodes, actions):
        observation = restore(self, episodes, actions)
        observation.view(torch.int32)[2, 0] ^= 1
        return observation

    monkeypatch.setattr(PointVectorEnv, "restore", nearly)
    before = (folder / "ledger.jsonl").read_bytes()
    assert main(["train", "--resume", str(folder)]) == 2
    message = capsys.readouterr().err
    assert "environment 2 can't be restored" in message and "1 of 6 values" in message
    assert (folder / "ledger.jsonl").read_bytes() == before and resumed_from(folder) == []


def test_tensorboard_shows_each_step_once_with_the_values_of_the_uninterrupted_run(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def shown(folder):
        events = EventAccumulator(str(folder), purge_orphaned_data=True)
        events.Reload()
        tags = [tag for tag in events.Tags()["scalars"] if not tag.startswith("time/")]
        return {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in tags}

    flags = ["--tensorboard", "--log_freq=16"]
    whole = shown(uninterrupted(tmp_path / "whole", *flags))
    folder = tmp_path / "run"
    assert run([*FLAGS, *flags, "--checkpoint_freq=3", "--run_dir", str(folder)], Death(step=100)) == KILLED
    time.sleep(1)  # event files are ordered by the second in their names
    finish(folder)
    assert shown(folder) == whole and len(whole["losses/qf_loss"]) > 5


def test_the_folder_can_be_moved_before_it_is_resumed(base, tmp_path):
    folder = tmp_path / "run"
    assert run([*FLAGS, "--checkpoint_freq=3", "--run_dir", str(folder)], Death(step=100)) == KILLED
    shutil.move(folder, tmp_path / "moved")
    finish(tmp_path / "moved")
    assert not folder.exists()
    assert_equal_runs(tmp_path / "moved", base)
