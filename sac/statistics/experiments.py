"""Which runs are seeds of one experiment, and what to call experiments that are told apart by their flags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sac.config import LAYOUT_FIELDS, NAMING_FIELDS

Meaning = tuple[tuple[str, str], ...]


def meaning(config: Mapping[str, Any]) -> Meaning:
    """The flags that decide what a run learns, seed left out: runs alike in them are one experiment."""
    kept = {name: value for name, value in config.items() if name not in LAYOUT_FIELDS and name != "seed"}
    return tuple(sorted((name, repr(value)) for name, value in kept.items()))


def interference(manifest: Mapping[str, Any]) -> str:
    """What was changed on purpose in the run of a manifest, in a word or two; empty where nothing was."""
    if "interference" not in manifest:
        return ""
    told = manifest["interference"]
    kind = told.get("kind") if isinstance(told, Mapping) else None
    return kind if isinstance(kind, str) and kind else "interference"


def names(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Name experiments by the flags in which they differ, for example `gamma=0.95`; all empty where none differs.

    Args:
        configs: flags of one run of each experiment.
    """
    kept = [dict(meaning(config)) for config in configs]
    flags = dict.fromkeys(name for flags in kept for name in flags)
    unlike = [name for name in flags if len({table.get(name) for table in kept}) > 1 and name not in NAMING_FIELDS]
    return [" ".join(f"{name}={config.get(name)}" for name in unlike) for config in configs]
