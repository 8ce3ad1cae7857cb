"""Compares the files that two runs have saved: byte by byte, and those of archives member by member.

A policy of `torch.save` and an array of `numpy.savez` are zip archives, whose bytes hold the time of day. What is in
them does not: nothing is unpickled, and a tensor's bits are compared as they lie there.
"""

from __future__ import annotations

import contextlib
import glob
import itertools
import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sac.errors import UserError

RUN = "{run}"
"""Stands for the name of a run, in a command and in a pattern of files."""

PREFIX = "run-"
"""What stands before a run's number where `{run}` is in a command or in a pattern."""

_BLOCK = 1 << 20
_NO_CONTENT = "serialization_id"
"""A member of torch's archives that is a hash of their layout."""


class NothingSaved(UserError, ValueError):
    """A pattern names no file that can be compared; the message says why."""


@dataclass(frozen=True)
class UnlikeFile:
    """A file that is not the same in two runs.

    Attributes:
        file: its name, as far as the runs have it in common.
        what: how it differs.
    """

    file: str
    what: str

    @property
    def text(self) -> str:
        """The difference as one line."""
        return f"{self.file}: {self.what}"


def free_prefix(patterns: Sequence[str], runs: int, command: Sequence[str] = ()) -> tuple[str, Path | None]:
    """Return what the names of runs begin with, so that nothing is there yet that they could save.

    Args:
        patterns: of files that are compared.
        runs: their number.
        command: in which `{run}` may stand for a file or folder too.

    Returns:
        `run-`, or `gate2-run-` and so on where an earlier gate has left something; and the first thing that it left.

    Raises:
        NothingSaved: a pattern does not tell the runs apart; with what to do.
    """
    for pattern in patterns:
        if RUN not in pattern:
            raise NothingSaved(
                f"--compare {pattern}: all runs would write the same files. Put {RUN} into it and into the command: "
                f"`--compare 'runs/{RUN}/*.pt' -- python train.py --output runs/{RUN}`"
            )
    asked = [*patterns, *(word.rpartition("=")[2] for word in command)]
    patterns = [pattern for pattern in asked if RUN in pattern]
    left: Path | None = None
    for number in itertools.count(1):
        prefix = PREFIX if number == 1 else f"gate{number}-{PREFIX}"
        names = [f"{prefix}{run}" for run in range(1, runs + 1)]
        old = next((path for pattern in patterns for name in names for path in _places(pattern, name)), None)
        if old is None:
            return prefix, left
        left = left or old
    raise AssertionError("there is always a number more")


def unlike_files(patterns: Sequence[str], first: str, second: str) -> tuple[int, list[UnlikeFile]]:
    """Compare what two runs saved.

    Args:
        patterns: of `glob`, `**` included, with `{run}` for the name of a run.
        first: that name in the first run.
        second: that name in the other.

    Returns:
        How many files were compared, and those that differ.

    Raises:
        NothingSaved: neither run left a file that a pattern matches.
    """
    count, found = 0, []
    for pattern in patterns:
        a, b = _files(pattern, first), _files(pattern, second)
        if not a and not b:
            raise NothingSaved(f"--compare {pattern}: no run has left such a file")
        for name in sorted(a.keys() | b.keys()):
            if name not in a or name not in b:
                found.append(UnlikeFile(name, f"only run {first if name in a else second} has it"))
                continue
            count += 1
            found += [UnlikeFile(name, what) for what in _differences(a[name], b[name])]
    return count, found


def _files(pattern: str, run: str) -> dict[str, Path]:
    """Return the files of a run by what they have in common with those of another."""
    # A wildcard must not reach from one run's folder into another's: the pattern is cut where it names the run.
    paths = glob.glob(os.path.expanduser(pattern.replace(RUN, glob.escape(run))), recursive=True, include_hidden=True)
    return {path.replace(run, RUN): Path(path) for path in paths if os.path.isfile(path)}


def _places(pattern: str, run: str) -> list[Path]:
    """Return what is there of a run: files, or the folder that is called after it, in which others may lie."""
    parts = Path(pattern).parts
    last = max(number for number, part in enumerate(parts) if RUN in part)
    own = str(Path(*parts[: last + 1])).replace(RUN, glob.escape(run))
    return [Path(path) for path in sorted(glob.glob(os.path.expanduser(own), recursive=True, include_hidden=True))]


def _differences(a: Path, b: Path) -> Iterator[str]:
    """Say how two files differ; nothing where their contents are the same."""
    if _same(a, b):
        return
    if zipfile.is_zipfile(a) and zipfile.is_zipfile(b):
        with contextlib.suppress(zipfile.BadZipFile, RuntimeError):
            yield from _archive_differences(a, b)
            return
    place = _first_byte(a, b)
    yield f"differs from byte {place:,} on, of {a.stat().st_size:,} and {b.stat().st_size:,}"


def _same(a: Path, b: Path) -> bool:
    if a.stat().st_size != b.stat().st_size:
        return False
    with a.open("rb") as one, b.open("rb") as other:
        while block := one.read(_BLOCK):
            if block != other.read(_BLOCK):
                return False
    return True


def _first_byte(a: Path, b: Path) -> int:
    """Return the place of the first byte that differs."""
    place = 0
    with a.open("rb") as one, b.open("rb") as other:
        while True:
            left, right = one.read(_BLOCK), other.read(_BLOCK)
            if left != right or not left:
                differ = (number for number, pair in enumerate(zip(left, right, strict=False)) if pair[0] != pair[1])
                return place + next(differ, min(len(left), len(right)))
            place += len(left)


def _archive_differences(a: Path, b: Path) -> Iterator[str]:
    """Say which members of two archives differ."""
    with zipfile.ZipFile(a) as one, zipfile.ZipFile(b) as other:
        left, right = _members(one), _members(other)
        unlike = [
            name
            for name in sorted(left.keys() | right.keys())
            if name not in left or name not in right or one.read(left[name]) != other.read(right[name])
        ]
    if unlike:
        shown = ", ".join(unlike[:3]) + (f" and {len(unlike) - 3} more" if len(unlike) > 3 else "")
        yield f"{len(unlike)} of {len(left)} parts differ: {shown}"


def _members(archive: zipfile.ZipFile) -> dict[str, str]:
    """Return the archive's members by their names without the archive's own, which torch puts before them."""
    names = [name for name in archive.namelist() if not name.endswith(_NO_CONTENT)]
    tops = {name.partition("/")[0] for name in names}
    whole = len(tops) == 1 and all("/" in name for name in names)
    return {name.partition("/")[2] if whole else name: name for name in names}
