"""What a run has written before a checkpoint, held against the checksums in the checkpoint: ledger and metrics.

Each checkpoint counts a beginning of both files. So the newest one that still agrees tells behind which byte damage
lies, and the lines behind it are looked at one by one for the first that is malformed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sac.checkpoint.index import CheckpointIndex
from sac.config import BadConfig
from sac.display.terminal import refuse
from sac.ledger.file import LedgerError, header_bytes, open_ledger
from sac.run.folder import RunFolder
from sac.untrusted.checksum import Extent, read_checksum
from sac.untrusted.file import Unreadable, chunks, open_regular


class BadHistory(BadConfig):
    """A file is not what the run wrote into it; the message names file, bytes and lines."""


@dataclass(frozen=True)
class GrownFile:
    """A file that a run only appends to, as checkpoints count it.

    Attributes:
        path: the file.
        start: bytes before those that are counted.
        extent: what the checkpoint counts.
        earlier: what other checkpoints count of it.
    """

    path: Path
    start: int
    extent: Extent
    earlier: tuple[Extent, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether the checkpoint holds a checksum."""
        return self.extent.sha256 is not None or not self.extent.size

    def require_whole(self) -> None:
        """Compare the bytes with the checksum.

        Raises:
            BadHistory: they differ, or some are missing.
        """
        try:
            found = read_checksum(self.path, self.start, self.extent.size).extent
        except Unreadable as error:
            raise BadHistory(f"{error}. {_AGAIN}") from error
        if self.extent.sha256 is not None and found.sha256 != self.extent.sha256:
            raise BadHistory(f"{self.path}: damaged: {self._where()}. {_AGAIN}")
        if self.extent.size and self.extent.sha256 is None:
            self._require_whole_lines()

    def _require_whole_lines(self) -> None:
        """Without a checksum, at least no line may be cut."""
        with open_regular(self.path) as file:
            file.seek(self.start + self.extent.size - 1)
            if file.read(1) != b"\n":
                end = self.start + self.extent.size
                raise BadHistory(f"{self.path}: no line ends at byte {end:,}, as one did at the checkpoint. {_AGAIN}")

    def _where(self) -> str:
        """Name the bytes and the lines within which something differs from what was written."""
        first = max((one.size for one in self.earlier if self._agrees(one)), default=0)
        begin, end = self.start + first, self.start + self.extent.size
        lines = f"lines {_lines_before(self.path, begin) + 1:,} to {_lines_before(self.path, end):,}"
        # The ledger alone begins with what is not counted, its header.
        form = malformed_line(self.path) if self.start else ""
        told = f"; {form}" if form else ""
        return f"between byte {begin:,} and byte {end:,} ({lines}) it is not what was written, its checksum says{told}"

    def _agrees(self, extent: Extent) -> bool:
        if extent.sha256 is None or extent.size >= self.extent.size:
            return False
        try:
            return read_checksum(self.path, self.start, extent.size).extent == extent
        except Unreadable:
            return False


_AGAIN = "Put the file back from a copy if there is one, or train again in a new folder: the bits will be the same"


def _lines_before(path: Path, end: int) -> int:
    with open_regular(path) as file:
        return sum(data.count(b"\n") for data in chunks(file, path, end))


def grown_files(folder: RunFolder, index: CheckpointIndex, others: Sequence[CheckpointIndex] = ()) -> list[GrownFile]:
    """Return the files that a checkpoint counts.

    Raises:
        BadHistory: the ledger is missing, or is none.
    """
    found = []
    if index.ledger_bytes:
        try:
            open_ledger(folder.ledger)
            start = header_bytes(folder.ledger)
        except LedgerError as error:
            raise BadHistory(f"{error}. {_AGAIN}") from error
        found.append(GrownFile(folder.ledger, start, index.ledger, tuple(other.ledger for other in others)))
    if index.metrics_bytes:
        found.append(GrownFile(folder.metrics, 0, index.metrics, tuple(other.metrics for other in others)))
    return found


def require_history(
    folder: RunFolder, index: CheckpointIndex, others: Sequence[CheckpointIndex] = (), *, quiet: bool = False
) -> None:
    """Refuse to go on from a checkpoint where what the run wrote before it is damaged.

    Args:
        folder: the run's.
        index: of the checkpoint.
        others: of other checkpoints, which narrow down where damage lies.
        quiet: say nothing of files for which the checkpoint has no checksum.

    Raises:
        BadHistory: a file is damaged.
    """
    files = grown_files(folder, index, others)
    for file in files:
        file.require_whole()
    unknown = [file.path.name for file in files if not file.is_known]
    if unknown and not quiet:
        names = " and ".join(unknown)
        refuse("sac train", f"{names}: not verified, the checkpoint is of a release that kept no checksums of them")


def malformed_line(path: Path) -> str:
    """Say which line of a ledger is malformed; "" where each has its form."""
    try:
        _drain(open_ledger(path).walk())
    except LedgerError as error:
        return str(error)
    return ""


def _drain(lines: Iterator[object]) -> None:
    for _ in lines:
        pass
