"""Copies of the working tree, in which one fault at a time is planted and taken away again."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.mutants.mutant import Mutant

ROOT = Path(__file__).parents[2]
# Compiled code is taken for a source's if time and size agree: two edits of one size must not fall in one second.
_seconds = itertools.count(1_000_000_000)


class Tree:
    """A copy of the files that git knows, as they are in the working tree.

    Args:
        folder: where it goes.
    """

    def __init__(self, folder: Path) -> None:
        self.root = folder
        for name in tracked():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)

    @contextmanager
    def planted(self, mutant: Mutant) -> Iterator[Path]:
        """Plant a fault, and take it away again; yields the tree's root.

        Raises:
            BadMutant: it can't be planted.
        """
        path = self.root / mutant.file
        text = path.read_text()
        self._write(path, mutant.applied(text))
        try:
            yield self.root
        finally:
            self._write(path, text)

    def _write(self, path: Path, text: str) -> None:
        path.write_text(text)
        second = next(_seconds)
        os.utime(path, (second, second))


def tracked() -> list[str]:
    """Return the files that git tracks, or would if they were added, and that are there."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, capture_output=True, check=True).stdout.decode().split("\0")
    return [name for name in names if name and (ROOT / name).is_file()]


def environment(root: Path) -> dict[str, str]:
    """Return the environment of a process that is to import the tree's own code."""
    # A test of the suite may have started this: its marks are not for others.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "SAC_"))}
    inherited.pop("PYTHONDONTWRITEBYTECODE", None)
    return {
        **inherited,
        "PYTHONPATH": str(root),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "HYPOTHESIS_PROFILE": "mutants",
    }
