"""Processes end with the program that started them, and a signal ends that one in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from sac.processes import Children
from tests.integration.watching import is_running, wait_for

ROOT = Path(__file__).parents[2]
SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
IN_ORDER = "import signal, sys, time\nsignal.signal(15, lambda *_: sys.exit(3))\nopen({!r}, 'w')\ntime.sleep(600)"


def in_a_thread(children, command):
    """Run a command in a thread; returns the thread, and the list that gets its status."""
    statuses = []
    thread = threading.Thread(target=lambda: statuses.append(children.run(command).returncode))
    thread.start()
    return thread, statuses


def test_leaving_the_block_ends_what_is_running_and_starts_nothing_more():
    with Children() as children:
        thread, statuses = in_a_thread(children, SLEEP)
        wait_for(lambda: children._running)
    thread.join(20)
    assert statuses == [-signal.SIGKILL]
    begin = time.monotonic()
    assert children.run(SLEEP).returncode == -signal.SIGKILL
    assert time.monotonic() - begin < 20


def test_with_patience_a_process_may_end_in_order(tmp_path):
    ready = tmp_path / "ready"
    with Children(patience=60) as children:
        thread, statuses = in_a_thread(children, [sys.executable, "-c", IN_ORDER.format(str(ready))])
        wait_for(ready.exists)
    thread.join(20)
    assert statuses == [3]


def test_a_command_s_words_and_status_are_those_of_the_command():
    done = Children().run([sys.executable, "-c", "print('words'); exit(5)"], stdout=subprocess.PIPE)
    assert (done.stdout, done.returncode) == ("words\n", 5)


def trainings_in(folder: Path) -> list[int]:
    """Process ids of all processes whose command line names the folder, `sac twin` itself left out."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if any(word.startswith(str(folder)) for word in words) and "twin" not in words:
            found.append(int(entry.name))
    return [pid for pid in found if is_running(pid)]


@pytest.fixture(params=[False])
def endless_twin(tmp_path, request):
    """`sac twin` in its first training (the parameter: whether it keeps), its folder, and the training's processes."""
    flags = "--env_id=Point-v1 --num_envs=1 --training_freq=8 --batch_size=8 --learning_starts=8 --buffer_size=100 "
    flags += "--eval_freq=0 --threads=1 --total_timesteps=100_000_000 --no-tensorboard --no-progress"
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    flags += f" --keep={tmp_path}/kept" if request.param else ""
    command = [sys.executable, "-m", "sac", "twin", *flags.split()]
    # Whoever started the tests under nohup had SIGHUP ignored, and that is inherited.
    inherited = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    with (tmp_path / "words").open("w") as words:
        twin = subprocess.Popen(command, env=environment, stdout=words, stderr=words)
    signal.signal(signal.SIGHUP, inherited)
    wait_for(lambda: list(tmp_path.glob("*/run-0/ledger.jsonl")) or twin.poll() is not None)
    trainings = trainings_in(tmp_path)
    assert trainings, (tmp_path / "words").read_text()
    yield twin, tmp_path, trainings
    for pid in [*filter(is_running, trainings), *([twin.pid] if twin.poll() is None else [])]:
        os.kill(pid, signal.SIGKILL)
    twin.wait()


@pytest.mark.parametrize(
    "kind, status", [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGKILL, -9)]
)
def test_a_twin_that_is_ended_leaves_no_training_behind(endless_twin, kind, status):
    twin, folder, trainings = endless_twin
    twin.send_signal(kind)
    assert twin.wait(60) == status
    wait_for(lambda: not any(map(is_running, trainings)), 20)
    words = (folder / "words").read_text()
    if kind != signal.SIGKILL:
        assert list(folder.glob("sac-twin-*")) == []
        assert "--resume" not in words and "run folder" not in words


@pytest.mark.parametrize("endless_twin", [True], indirect=True)
def test_a_run_in_a_folder_that_is_kept_stops_with_a_checkpoint(endless_twin):
    twin, folder, trainings = endless_twin
    twin.send_signal(signal.SIGINT)
    assert twin.wait(60) == 130
    assert not any(map(is_running, trainings))
    assert f"sac train --resume {folder}/kept/run-0" in (folder / "words").read_text()
    assert list((folder / "kept" / "run-0" / "checkpoints" / "states").iterdir())
