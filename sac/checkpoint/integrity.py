"""Is a run folder what the run wrote? Every file in it is held against what knows best: a checksum, or its form.

Checkpoints hold checksums of themselves, of the replay rows, and of ledger and metrics as far as these had come; the
manifest and the ledger's header of themselves; torch's archives a CRC-32 of each member, TensorBoard's files one of
each record. What no checksum covers is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sac.checkpoint.checkpoint import verify
from sac.checkpoint.events import check_events
from sac.checkpoint.history import BadHistory, GrownFile, grown_files
from sac.checkpoint.index import BadCheckpoint, CheckpointIndex, index_path, list_iterations, tensor_path
from sac.checkpoint.resume import read_config
from sac.config import BadConfig
from sac.ledger.file import LedgerError, open_ledger
from sac.run import policy_file
from sac.run.folder import RunFolder
from sac.run.history_files import HistoryFiles, success_rows, to_csv
from sac.run.manifest import read_manifest
from sac.run.metrics_table import read_metrics
from sac.untrusted.file import CHUNK, Unreadable, read_bytes
from sac.untrusted.seal import is_sealed

State = Literal["whole", "damaged", "unchecked"]
_EVENTS = "events.out.tfevents."


@dataclass(frozen=True)
class FileFinding:
    """What was found of one file.

    Attributes:
        name: its path within the folder.
        state: ``whole``: all that was written is there; ``damaged``; ``unchecked``: nothing says what was written.
        text: by what it was checked, or what is wrong.
    """

    name: str
    state: State
    text: str


def check_run(folder: RunFolder) -> list[FileFinding]:
    """Check every file of a run folder.

    Raises:
        BadConfig: it is none: neither a manifest nor a ledger is in it.
    """
    if not folder.manifest.exists() and not folder.ledger.exists():
        raise BadConfig(f"{folder.root}: no run folder: it holds neither manifest.json nor ledger.jsonl")
    checkpoints, indexes = _checkpoints(folder)
    findings = [_manifest(folder), *checkpoints, *_grown(folder, indexes), *_policies(folder)]
    findings += _lacking(folder, indexes)
    findings += _success_history(folder)
    findings += [_events(path) for path in sorted(folder.root.glob(f"{_EVENTS}*"))]
    known = {finding.name for finding in findings} | {folder.lock.name, *_parts(folder, indexes)}
    return findings + list(_others(folder, known))


def _manifest(folder: RunFolder) -> FileFinding:
    name = folder.manifest.name
    try:
        manifest = read_manifest(folder.manifest)
    except Unreadable as error:
        return FileFinding(name, "damaged", error.reason)
    if is_sealed(manifest):
        return FileFinding(name, "whole", "its own checksum agrees")
    return FileFinding(name, "unchecked", "a JSON object, of a release that kept no checksum of it")


def _checkpoints(folder: RunFolder) -> tuple[list[FileFinding], list[CheckpointIndex]]:
    """Findings on all checkpoints, and the indexes of those that are whole."""
    findings, indexes = [], []
    for iteration in list_iterations(folder.states):
        name = str(index_path(folder.states, iteration).relative_to(folder.root))
        try:
            index = verify(folder.states, iteration).index
        except BadCheckpoint as error:
            findings.append(FileFinding(name, "damaged", str(error)))
        else:
            indexes.append(index)
            findings.append(FileFinding(name, "whole", f"iteration {iteration}, with its tensors and replay rows"))
    return findings, indexes


def _grown(folder: RunFolder, indexes: list[CheckpointIndex]) -> Iterator[FileFinding]:
    """Ledger and metrics: their form to the end, their bytes as far as the newest checkpoint counts them."""
    files: dict[Path, GrownFile] = {}
    trouble = ""
    if indexes:
        try:
            files = {file.path: file for file in grown_files(folder, indexes[-1], indexes[:-1])}
        except BadHistory as error:
            trouble = str(error)
    for path in (folder.ledger, folder.metrics):
        if path.exists() or path in files or (trouble and path == folder.ledger):
            yield _one_grown(path, files.get(path), trouble if path == folder.ledger else "")


def _one_grown(path: Path, file: GrownFile | None, trouble: str) -> FileFinding:
    try:
        if trouble:
            raise BadHistory(trouble)
        if file is not None:
            file.require_whole()
        torn = _form(path)
    except (BadHistory, LedgerError, Unreadable) as error:
        return FileFinding(path.name, "damaged", str(error))
    unfinished = "; its last line is unfinished, as a killed run leaves it" if torn else ""
    if file is None or not file.is_known:
        why = "no checkpoint counts it" if file is None else "the checkpoint is of a release that kept no checksum"
        return FileFinding(path.name, "unchecked", f"every line has its form, but {why}{unfinished}")
    left = path.stat().st_size - file.start - file.extent.size
    beyond = f"; the last {left:,} bytes were written after it: their form alone was checked" if left else ""
    return FileFinding(path.name, "whole", f"the newest checkpoint's checksum agrees{beyond}{unfinished}")


def _form(path: Path) -> bool:
    """Read a file to its end; whether its last line is unfinished.

    Raises:
        LedgerError: a line of the ledger is malformed.
        Unreadable: a line of the metrics is.
    """
    if path.suffix == ".csv":
        return read_metrics(path).torn
    ledger = open_ledger(path)
    for _ in ledger.walk():
        pass
    return ledger.torn is not None


def _policies(folder: RunFolder) -> Iterator[FileFinding]:
    for path in sorted([*folder.root.glob("policy.pt"), *folder.checkpoints.glob("policy_*.pt")]):
        name = str(path.relative_to(folder.root))
        try:
            policy_file.require_sound(path)
        except BadConfig as error:
            yield FileFinding(name, "damaged", str(error).removeprefix("--checkpoint "))
        else:
            yield FileFinding(name, "whole", "the CRC-32 of each of its members agrees")


def _lacking(folder: RunFolder, indexes: list[CheckpointIndex]) -> Iterator[FileFinding]:
    """The policy, which a finished run has written before its last checkpoint."""
    if not indexes or folder.policy.exists():
        return
    config = read_config(indexes[-1].config, "checkpoint")
    if config.save_model and indexes[-1].iteration >= config.iterations:
        yield FileFinding(folder.policy.name, "damaged", "missing: the run has ended, and had written it before")


def _success_history(folder: RunFolder) -> Iterator[FileFinding]:
    """It repeats two columns of the metrics; a killed run may have written its last row into one of the two only."""
    path = folder.success_history
    if not path.exists() or not folder.metrics.exists():
        return
    try:
        expected = to_csv([HistoryFiles.SUCCESS, *success_rows(folder.metrics)])
        found = read_bytes(path, len(expected) + CHUNK)
    except Unreadable as error:
        yield FileFinding(path.name, "damaged", f"it can't be held against metrics.csv: {error}")
        return
    last_row = expected[: expected[:-1].rfind(b"\n") + 1]
    if expected.startswith(found) and found.startswith(last_row):
        yield FileFinding(path.name, "whole", "it agrees with metrics.csv")
    else:
        yield FileFinding(path.name, "damaged", "it does not agree with metrics.csv")


def _events(path: Path) -> FileFinding:
    try:
        count, torn = check_events(path)
    except Unreadable as error:
        return FileFinding(path.name, "damaged", error.reason)
    if not count:
        return FileFinding(path.name, "damaged", "holds no record, not even the one that every such file begins with")
    unfinished = "; its last record is unfinished, as a killed run leaves it" if torn else ""
    return FileFinding(path.name, "whole", f"the CRC-32 of each of its {count:,} records agrees{unfinished}")


def _parts(folder: RunFolder, indexes: list[CheckpointIndex]) -> Iterator[str]:
    """The files that whole checkpoints are made of."""
    for index in indexes:
        paths = [tensor_path(folder.states, index.iteration), *(one.path(folder.states) for one in index.segments)]
        yield from (str(path.relative_to(folder.root)) for path in paths)


def _others(folder: RunFolder, known: set[str]) -> Iterator[FileFinding]:
    for path in sorted(folder.root.rglob("*")):
        name = str(path.relative_to(folder.root))
        if name not in known and not path.is_dir():
            yield FileFinding(name, "unchecked", "nothing says what was written into it")
