"""Bit-for-bit reproducible SAC on ManiSkill, and the gate that keeps it so.

What is public is in `__all__`, and documented in docs/api.md. Each name is loaded when it is first used: importing this
package loads neither torch nor NumPy, so that a numerics profile can still be prepared.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sac.api.comparing import compare as compare
    from sac.api.policy import Policy as Policy
    from sac.api.policy import load_policy as load_policy
    from sac.api.runs import Run as Run
    from sac.api.runs import load_run as load_run
    from sac.api.training import TrainingFailed as TrainingFailed
    from sac.api.training import train as train
    from sac.config import TrainConfig as TrainConfig
    from sac.numerics import prepare as prepare

__version__ = "0.1.0"

_PUBLIC = {
    "Policy": "sac.api.policy",
    "Run": "sac.api.runs",
    "TrainConfig": "sac.config",
    "TrainingFailed": "sac.api.training",
    "compare": "sac.api.comparing",
    "load_policy": "sac.api.policy",
    "load_run": "sac.api.runs",
    "prepare": "sac.numerics",
    "train": "sac.api.training",
}
__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(_PUBLIC[name]), name)
    return value


def __dir__() -> list[str]:
    """The public names, loaded or not."""
    return sorted({*globals(), *_PUBLIC})
