"""The run folder, held by its descriptor: whatever becomes of its name, writes go where they began."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import NoReturn

from sac.errors import UserError

Identity = tuple[int, int]
_DELETED = " (deleted)"
_AGAIN = "Start the run again in a new folder; its bits will be the same"
_REST = "The run has ended, and all else of it is whole"


class FolderLost(UserError, RuntimeError):
    """A run folder, or a file in it, was deleted or replaced during the run; the message names it."""


class FolderMoved(FolderLost):
    """The run folder has another name now; nothing in it is lost.

    Attributes:
        root: its path now.
    """

    def __init__(self, message: str, root: Path) -> None:
        super().__init__(message)
        self.root = root


class HeldFolder:
    """A folder and what is watched in it; each is held open, so that nothing else can take its inode's number.

    Args:
        path: the folder, as people call it.

    Attributes:
        path: the same.
        descriptor: reaches the folder without its name.

    Raises:
        OSError: it can't be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # A link in the path may lead elsewhere later, and relative paths follow a task's `os.chdir`.
        self._real = os.path.realpath(path)
        self.descriptor = os.open(self._real, os.O_RDONLY | os.O_DIRECTORY)
        self._identity = _identity(os.fstat(self.descriptor))
        self._watched: dict[Path, tuple[int, Identity]] = {}
        self._watched_for_the_end: dict[Path, tuple[int, Identity]] = {}

    def relative(self, path: Path) -> Path:
        """Return a path below the folder, relative to its descriptor."""
        return path.relative_to(self.path)

    def path_of(self, path: Path) -> Path:
        """Return a path, for this process alone, of what is at a path in the folder; the folder's name is not in it."""
        root = Path(f"/proc/self/fd/{self.descriptor}")
        return (root if root.exists() else Path(self._real)) / self.relative(path)

    def watch(self, path: Path, *, for_the_end: bool = False) -> None:
        """Remember which file or folder stands at a path below the folder.

        Args:
            path: where it stands.
            for_the_end: its loss is told at the end of the run; it is no reason to stop.
        """
        name, watched = self.relative(path), self._watched_for_the_end if for_the_end else self._watched
        if name in watched:
            os.close(watched.pop(name)[0])
        descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=self.descriptor)
        watched[name] = descriptor, _identity(os.fstat(descriptor))

    def watches(self, path: Path) -> bool:
        """Whether a path is watched."""
        return self.relative(path) in self._watched

    def is_in_place(self) -> bool:
        """Whether the folder is still found under its name."""
        try:
            return self._seen(self._real, None) == self._identity
        except FolderLost:
            return False

    def require_intact(self, *, at_the_end: bool = False) -> None:
        """Refuse to go on if the folder or what is watched in it is not what it was.

        Raises:
            FolderMoved: the folder has another name.
            FolderLost: it is gone, or something in it is.
        """
        if self._seen(self._real, None) != self._identity:
            self._raise_lost()
        watched = {**self._watched, **(self._watched_for_the_end if at_the_end else {})}
        for name, (_, identity) in watched.items():
            found = self._seen(name, self.descriptor)
            if found != identity:
                fate = "deleted or moved" if found is None else "replaced by another"
                rest = _REST if name in self._watched_for_the_end else _AGAIN
                raise FolderLost(
                    f"{self.path / name}: was {fate} during the run, and what it held is lost to it. {rest}"
                )

    def _seen(self, path: str | Path, directory: int | None) -> Identity | None:
        """Return what stands at a path; None if nothing does."""
        try:
            return _identity(os.stat(path, dir_fd=directory, follow_symlinks=directory is None))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise FolderLost(f"run folder {self.path}: can't be reached any more: {error.strerror}") from error

    def _raise_lost(self) -> NoReturn:
        """Say what has become of the folder."""
        now = Path(os.readlink(f"/proc/self/fd/{self.descriptor}")) if os.path.exists("/proc/self/fd") else self.path
        if self._seen(now, None) == self._identity:
            raise FolderMoved(f"run folder {self.path}: was moved to {now} during the run", now)
        gone = os.fstat(self.descriptor).st_nlink == 0 or str(now).endswith(_DELETED)
        fate = "was deleted" if gone else "is not where it was (was its file system unmounted?)"
        raise FolderLost(f"run folder {self.path}: {fate} during the run, and what it held is lost with it. {_AGAIN}")

    def close(self) -> None:
        """Let go of all of it."""
        for descriptor, _ in (*self._watched.values(), *self._watched_for_the_end.values()):
            os.close(descriptor)
        self._watched, self._watched_for_the_end = {}, {}
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def __enter__(self) -> HeldFolder:
        """It is held already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of it."""
        self.close()


def _identity(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino
