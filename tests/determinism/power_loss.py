"""A model of a disk that loses power: what can be found afterwards, given what was written and what was fsynced.

Files and folders are those of a real run, looked at before each system call that changes or syncs them. Until a file is
fsynced, any state that it had since the last time may be found, or its size with zeros for what is new; until a folder
is, any of the entries that each of its names has had. All of that is chosen independently, so this disk reorders more
than any real one.
"""

from __future__ import annotations

import itertools
import math
import os
import random
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CALLS = ("open", "pwrite", "fsync", "replace", "unlink", "mkdir")
Names = dict[str, int]
STATES = 24
"""At most so many are looked at for each moment, drawn if there are more."""


@dataclass(frozen=True)
class Moment:
    """What was there before a system call, and what the call synced.

    Attributes:
        folders: inode -> entries, of every folder.
        files: inode -> bytes, of every file.
        synced: inode that the call fsyncs; None if it is another call.
        path: of what it fsyncs.
        reported: the newest checkpoint that was reported until then.
    """

    folders: Mapping[int, Names]
    files: Mapping[int, bytes]
    synced: int | None
    path: str
    reported: int | None


class Recorder:
    """Stands for the module `os` in the modules that write a run: records a `Moment` before each call."""

    def __init__(self, root: Path) -> None:
        self.root, self.moments = root, list[Moment]()
        self.reported: int | None = None
        # An inode that is open keeps its number.
        self._held: dict[int, int] = {}

    def __getattr__(self, name: str) -> Any:
        found = getattr(os, name)
        return self._recorded(name, found) if name in CALLS else found

    def _recorded(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            self.look(arguments[0] if name == "fsync" else None)
            return function(*arguments, **options)

        return call

    def look(self, synced: int | None = None) -> None:
        """Record what is there now; `synced` is the descriptor that is being fsynced."""
        folders: dict[int, Names] = {}
        files: dict[int, bytes] = {}
        self._walk(self.root, folders, files)
        inode = os.fstat(synced).st_ino if synced is not None else None
        path = os.readlink(f"/proc/self/fd/{synced}") if synced is not None else ""
        self.moments.append(Moment(folders, files, inode, path, self.reported))

    def _walk(self, folder: Path, folders: dict[int, Names], files: dict[int, bytes]) -> int:
        number = self._hold(folder)
        folders[number] = {}
        for entry in sorted(os.listdir(folder)):
            path = folder / entry
            if stat.S_ISDIR(path.stat().st_mode):
                folders[number][entry] = self._walk(path, folders, files)
            else:
                folders[number][entry] = self._hold(path)
                files[folders[number][entry]] = path.read_bytes()
        return number

    def _hold(self, path: Path) -> int:
        number = path.stat().st_ino
        if number not in self._held:
            self._held[number] = os.open(path, os.O_PATH)
        return number

    def let_go(self) -> None:
        """Let go of the inodes."""
        for descriptor in self._held.values():
            os.close(descriptor)


@dataclass
class Disk:
    """What may be found of each file and each name, if the power fails now; the first is what is on the disk surely."""

    root: int
    contents: dict[int, list[bytes]] = field(default_factory=dict)
    entries: dict[int, dict[str, list[int | None]]] = field(default_factory=dict)

    def see(self, moment: Moment) -> None:
        """Add what is there now to what may be found."""
        for number, data in moment.files.items():
            found = self.contents.setdefault(number, [b""])
            if found[-1] != data:
                found.append(data)
        for number, names in moment.folders.items():
            known = self.entries.setdefault(number, {})
            for name in known.keys() | names.keys():
                history = known.setdefault(name, [None])
                if history[-1] != names.get(name):
                    history.append(names.get(name))

    def sync(self, number: int) -> None:
        """Only the newest state of a file, or of a folder's entries, can be found from now on."""
        if number in self.contents:
            self.contents[number] = self.contents[number][-1:]
        for name, history in self.entries.get(number, {}).items():
            self.entries[number][name] = history[-1:]

    def states(self, draw: random.Random) -> Iterator[dict[Any, Any]]:
        """Yield what may be found, as choices: inode -> bytes, and (inode, name) -> inode or None."""
        choices: dict[Any, list[Any]] = {}
        for number, names in self.entries.items():
            choices |= {(number, name): list(dict.fromkeys(history)) for name, history in names.items()}
        choices |= {number: _possible(versions) for number, versions in self.contents.items()}
        if math.prod(len(options) for options in choices.values()) <= STATES:
            chosen = itertools.product(*choices.values())
        else:
            drawn = [[draw.choice(options) for options in choices.values()] for _ in range(STATES - 2)]
            # Nothing that was not synced, and all of it.
            ends = [[options[end] for options in choices.values()] for end in (0, -1)]
            chosen = iter([*ends, *drawn])
        for one in chosen:
            yield dict(zip(choices, one, strict=True))

    def write(self, choice: Mapping[Any, Any], target: Path, number: int | None = None) -> None:
        """Make the files and folders of one state."""
        number = self.root if number is None else number
        target.mkdir()
        for name in self.entries.get(number, {}):
            found = choice[number, name]
            if found in self.contents:
                (target / name).write_bytes(choice[found])
            elif found is not None:
                self.write(choice, target / name, found)


def _possible(versions: list[bytes]) -> list[bytes]:
    """The states of a file, and its new size with zeros in place of what was not synced."""
    sure, newest = versions[0], versions[-1]
    zeros = sure[: len(newest)] + bytes(max(0, len(newest) - len(sure)))
    return list(dict.fromkeys([sure, *versions, zeros, newest]))


def after_power_loss(
    moments: list[Moment], root: int, scratch: Path, dropped: Callable[[str], bool] = lambda path: False
) -> Iterator[tuple[int, int | None, Path]]:
    """Yield (moment, newest checkpoint reported until then, folder) for what may be found after each moment.

    Args:
        moments: as recorded.
        root: inode of the recorded folder.
        scratch: where the folders are made.
        dropped: whether the fsync of a path is left out.
    """
    disk, draw, known = Disk(root), random.Random(1), set[tuple[Any, ...]]()
    for number, moment in enumerate(moments):
        disk.see(moment)
        for choice in disk.states(draw):
            key = (moment.reported, *sorted((str(name), hash(value)) for name, value in choice.items()))
            if key not in known:
                known.add(key)
                target = scratch / f"{len(known)}"
                disk.write(choice, target)
                yield number, moment.reported, target
        if moment.synced is not None and not dropped(moment.path):
            disk.sync(moment.synced)
