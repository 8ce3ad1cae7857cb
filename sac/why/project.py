"""Where the user's own code lies."""

from __future__ import annotations

from pathlib import Path

MARKS = ("pyproject.toml", "setup.cfg", "setup.py", ".git", ".hg")


def root_of(folder: Path) -> Path:
    """Return the nearest folder above that is a project's; the folder itself where there is none."""
    folder = folder.resolve()
    for one in (folder, *folder.parents):
        # Whoever keeps the settings of a home folder in a repository has no project there.
        if one == Path.home() or one == Path(one.anchor):
            break
        if any((one / mark).exists() for mark in MARKS):
            return one
    return folder
