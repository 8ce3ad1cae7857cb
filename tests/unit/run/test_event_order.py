"""TensorBoard reads a run's files in the order of their names, also where the clock went back."""

import time

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from sac.cli import main
from sac.run.held_folder import HeldFolder
from sac.run.tracking import event_files, put_before

NOW = 1_700_000_000


@pytest.fixture
def held(tmp_path):
    with HeldFolder(tmp_path) as folder:
        yield folder


def place(folder, times):
    """Files whose content is their place in the order."""
    for number, seconds in enumerate(times):
        (folder.path / f"events.out.tfevents.{seconds:010d}.host.{9 - number}.0").write_text(str(number))


@pytest.mark.parametrize(
    "times", [[NOW], [NOW + 5], [NOW - 5, NOW, NOW + 3600], [NOW - 1, NOW + 1], [NOW + 1, NOW + 2, NOW + 3]]
)
def test_what_a_resumed_run_writes_comes_last(held, times):
    place(held, times)
    put_before(held, NOW)
    names = sorted(event_files(held))
    assert [(held.path / name).read_text() for name in names] == [str(number) for number in range(len(times))]
    assert all(name < f"events.out.tfevents.{NOW:010d}." for name in names)


def test_files_of_an_earlier_time_keep_their_names_and_other_files_too(held):
    place(held, [NOW - 9, NOW - 3])
    (held.path / "events.out.tfevents.mine").touch()
    before = event_files(held)
    put_before(held, NOW)
    assert event_files(held) == before


@pytest.mark.parametrize("ordered", [True, False])
def test_a_resumed_training_is_read_last(tmp_path, monkeypatch, ordered):
    """The clock stands a day behind when the run goes on. Without the order what came before is read as newer."""
    flags = "--env_id=Point-v1 --num_envs=1 --training_freq=8 --batch_size=8 --buffer_size=100 --learning_starts=8"
    flags += f" --eval_freq=0 --threads=1 --log_freq=8 --checkpoint_freq=2 --run_dir={tmp_path / 'run'}"
    assert main(["train", *flags.split(), "--total_timesteps=40"]) == 0
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 86_400)
    if not ordered:
        monkeypatch.setattr("sac.run.tracking.put_before", lambda *_: None)
    assert main(["train", f"--resume={tmp_path / 'run'}", "--total_timesteps=64"]) == 0
    monkeypatch.undo()
    read = EventAccumulator(str(tmp_path / "run"))
    read.Reload()
    steps = [event.step for event in read.Scalars("losses/qf_loss")]
    assert (steps == [8, 16, 24, 32, 40, 48, 56, 64]) == ordered
