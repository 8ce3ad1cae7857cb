"""Where the measured parts of `sac` are in the measured revision, which may be older than their folders."""

from __future__ import annotations

import importlib
from types import ModuleType

_BEFORE = {
    "sac.envs.make": ("sac.environments", "sac.trainer"),
    "sac.learner.factory": ("sac.strategy",),
    "sac.learner.sac": ("sac.learner",),
    "sac.ledger.channels": ("sac.ledger",),
    "sac.ledger.file": ("sac.ledger",),
    "sac.ledger.recorder": ("sac.witness",),
    "sac.numerics.fingerprint": ("sac.numerics",),
    "sac.numerics.profiles": ("sac.numerics",),
    "sac.output": ("sac.trainer",),
    "sac.run.folder": ("sac.run_folder",),
}
"""Module -> modules that held the same names before, newest first; if a module moves again, add its name."""


def load(name: str) -> ModuleType:
    """Import the module `name`, under this name or a former one.

    Raises:
        ModuleNotFoundError: the revision has none of them, or lacks a library that they need.
    """
    found = next(filter(None, map(_import, (name, *_BEFORE.get(name, ())))), None)
    if found is None:
        raise ModuleNotFoundError(f"no module {name!r}, nor any that held its names before", name=name)
    return found


def _import(name: str) -> ModuleType | None:
    """Import a module; None if it, or a package that should hold it, does not exist."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if name.startswith(str(error.name)):
            return None
        raise
