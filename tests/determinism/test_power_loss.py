"""A checkpoint that was reported is there after a loss of power, whatever the disk has reordered or dropped."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from sac.checkpoint.checkpoint import Checkpoints
from sac.checkpoint.resume import find_run, open_checkpoint
from sac.cli import main
from sac.ledger import file as ledger_file
from sac.run import metrics_file, storage
from tests.determinism.power_loss import Moment, Recorder, after_power_loss
from tests.determinism.resuming import FLAGS
from tests.unit.learner.cases import SMALL, hidden

WRITERS = (storage, ledger_file, metrics_file)
TRAINING = [*FLAGS, "--total_timesteps=96", "--eval_freq=48", "--checkpoint_freq=2", "--keep_checkpoints=1"]
# What is left out -> whether it is the fsync of this path.
DROPPED = {
    "rows": lambda path: Path(path).name.startswith("rows-"),
    "tensors": lambda path: path.endswith(".safetensors.partial"),
    "records": lambda path: path.endswith(".json.partial") and "state-" in path,
    "manifest": lambda path: path.endswith("manifest.json.partial"),
    "policies": lambda path: path.endswith(".pt.partial"),
    "ledger": lambda path: path.endswith("ledger.jsonl"),
    "metrics": lambda path: path.endswith("metrics.csv"),
    "folder of states": lambda path: path.endswith("/states"),
    "folder of checkpoints": lambda path: path.endswith("/checkpoints"),
    "run folder": lambda path: path.endswith("/run"),
    "folder that holds it": lambda path: path.endswith("/base"),
}


class Run:
    """A recorded run.

    Attributes:
        moments: see `power_loss`.
        root: inode of the folder that was recorded.
        folder: the run folder as it was left.
    """

    def __init__(self, folder: Path) -> None:
        base = folder / "base"
        base.mkdir()
        recorder = Recorder(base)
        save = Checkpoints.save

        def reporting(self, state, position):
            save(self, state, position)
            recorder.reported = state.iteration

        with pytest.MonkeyPatch.context() as patched, hidden(SMALL):
            for module in WRITERS:
                patched.setattr(module, "os", recorder)
            patched.setattr(Checkpoints, "save", reporting)
            assert main(["train", *TRAINING, f"--run_dir={base / 'run'}"]) == 0
            recorder.look()
        recorder.let_go()
        self.moments: list[Moment] = recorder.moments
        self.root, self.folder = base.stat().st_ino, base / "run"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return Run(tmp_path_factory.mktemp("recorded"))


def body(data: bytes, path: Path) -> bytes:
    return data.partition(b"\n")[2] if path.name == "ledger.jsonl" else data


def trouble_with(found: Path, reported: int | None, whole: Path) -> str:
    """Say what a loss of power has cost; empty if that is nothing that was reported."""
    for policy in found.rglob("*.pt"):
        if policy.read_bytes() != (whole / policy.relative_to(found)).read_bytes():
            return f"{policy.name} is not whole"
    if reported is None:
        return ""
    try:
        checkpoint = open_checkpoint(find_run(found, None, False))
    except ValueError as error:
        return str(error)
    if checkpoint is None or checkpoint.index.iteration < reported:
        return f"the checkpoint of iteration {reported} is gone"
    lengths = {"ledger.jsonl": checkpoint.index.ledger_bytes, "metrics.csv": checkpoint.index.metrics_bytes}
    for name, length in lengths.items():
        expected = body((whole / name).read_bytes(), whole / name)[:length]
        if not (found / name).exists() or body((found / name).read_bytes(), found / name)[:length] != expected:
            return f"{name} lacks what the checkpoint counts"
    return ""


def troubles(run: Run, scratch: Path, **options) -> tuple[int, list[str]]:
    """How many states were looked at, and what is wrong with them."""
    count, found = 0, []
    for moment, reported, folder in after_power_loss(run.moments, run.root, scratch, **options):
        count += 1
        trouble = trouble_with(folder / "run", reported, run.folder)
        if trouble:
            found.append(f"before call {moment}: {trouble}")
            if options:
                break
        shutil.rmtree(folder)
    return count, found


def test_what_was_reported_is_there_after_any_loss_of_power(run, tmp_path):
    count, found = troubles(run, tmp_path)
    assert found == []
    assert count > 200 and {moment.reported for moment in run.moments} == {None, 2, 4, 6}
    print(f"\n{len(run.moments)} moments, {count} states of the disk, nothing lost")


@pytest.mark.parametrize("name", DROPPED)
def test_no_fsync_could_be_left_out(run, tmp_path, name):
    """Negative control: without it, a state is found in which something is lost."""
    assert any(DROPPED[name](moment.path) for moment in run.moments), "there is no such fsync"
    _, found = troubles(run, tmp_path, dropped=DROPPED[name])
    assert found, f"nothing shows that the fsync of {name} is left out"


def fsyncs(tmp_path) -> int:
    calls: list[int] = []
    train_with_fsync(tmp_path / "counted", lambda descriptor: calls.append(os.fsync(descriptor)))
    return len(calls)


def train_with_fsync(folder: Path, fsync) -> int:
    class Os:
        def __getattr__(self, name: str):
            return fsync if name == "fsync" else getattr(os, name)

    with pytest.MonkeyPatch.context() as patched, hidden(SMALL):
        for module in WRITERS:
            patched.setattr(module, "os", Os())
        return main(["train", *TRAINING, f"--run_dir={folder}"])


def test_an_fsync_that_fails_is_an_error_once_and_is_not_tried_again(run, tmp_path, capsys):
    """A second fsync would succeed, and say nothing of the pages that the first has lost."""
    total = fsyncs(tmp_path)
    for number in range(1, total + 1, 3):
        folder, calls = tmp_path / f"{number}", []

        def failing(descriptor, number=number, calls=calls):
            calls.append(os.readlink(f"/proc/self/fd/{descriptor}"))
            if len(calls) == number:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            os.fsync(descriptor)

        capsys.readouterr()
        assert train_with_fsync(folder, failing) == 2
        message = capsys.readouterr().err
        assert message.count("Input/output error") == 1 and "Traceback" not in message, message
        assert calls[number - 1] not in calls[number:], "the same file was synced again"
        if (folder / "manifest.json").exists():
            with hidden(SMALL):
                assert main(["train", "--resume", str(folder)]) == 0
            assert body((folder / "ledger.jsonl").read_bytes(), folder / "ledger.jsonl") == body(
                (run.folder / "ledger.jsonl").read_bytes(), run.folder / "ledger.jsonl"
            )
    print(f"\n{total} fsyncs in a run, every third failed")
