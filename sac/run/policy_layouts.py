"""Layouts in which others save policies: what is the same under other names is taken, what is different is named.

ManiSkill's newer `sac.py` (docs/differences.md pins the commits) saves its critics as a list `qfs`, with layer
normalisation unless told otherwise, and may project or normalise what the networks see. Modules that `torch.compile` or
`DataParallel` wraps save their weights under names with a prefix.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from sac.config import BadConfig
from sac.learner.networks import NUM_CRITICS

_WRAPPERS = ("_orig_mod.", "module.")


def to_ours(path: Path, saved: Mapping[str, Any]) -> dict[str, Any]:
    """A policy file's content with `qf1` and `qf2` for a list of critics, and without wrappers' prefixes.

    Raises:
        BadConfig: the policy sees observations through something that this SAC does not have.
    """
    if "obs_rms" in saved:
        raise BadConfig(
            f"--checkpoint {path}: holds obs_rms: the policy was trained on normalised observations (--obs_rms of "
            "ManiSkill's newer sac.py), which this SAC does not have"
        )
    if not all(isinstance(name, str) for name in saved):
        raise BadConfig(f"--checkpoint {path}: holds parts whose names are no texts")
    groups = dict(saved)
    critics = groups.pop("qfs", None)
    if isinstance(critics, list):
        groups |= {f"qf{number + 1}": critic for number, critic in enumerate(critics)}
    if f"qf{NUM_CRITICS + 1}" in groups:
        # Which two of them would be the critics is nothing that the file says.
        groups = {name: value for name, value in groups.items() if not name.startswith("qf")}
    for name, value in groups.items():
        if isinstance(value, dict) and not all(isinstance(part, str) for part in value):
            raise BadConfig(f"--checkpoint {path}: {name} holds parts whose names are no texts")
    return {name: _unwrapped(value) if isinstance(value, dict) else value for name, value in groups.items()}


def _unwrapped(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """The tensors of a module under the names that they have without its wrappers."""
    found = dict(tensors)
    while found and any(all(str(name).startswith(prefix) for name in found) for prefix in _WRAPPERS):
        found = {str(name).partition(".")[2]: value for name, value in found.items()}
    return found


def foreign_part(found: Mapping[str, Any], expected: Mapping[str, torch.Tensor]) -> str:
    """What a module has that ours has not, in words; "" where its names are ours, or fewer."""
    more = [str(name) for name in found if name not in expected]
    if any(name.startswith("state_projection.") for name in more):
        return "a projection of the state in front (state_projection), which this SAC does not have"
    vectors = [name for name in more if _is_vector(found[name])]
    if any(name.endswith(".weight") for name in vectors) or any(
        name.endswith(".weight") and _is_vector(found[name]) for name in found
    ):
        return (
            "layer normalisation (q_layer_norm of ManiSkill's newer sac.py), which this SAC does not have; `sac eval` "
            "needs no critics, and takes the policy"
        )
    if more and all(name in found for name in expected):
        return f"more layers than three of 256: {names(more)}"
    return ""


def _is_vector(value: object) -> bool:
    return isinstance(value, torch.Tensor) and value.dim() == 1


def names(found: Any, limit: int = 6) -> str:
    """Some of the names that something holds."""
    known = [str(name) for name in found]
    return ", ".join(known[:limit]) + (f" and {len(known) - limit} more" if len(known) > limit else "") or "nothing"
