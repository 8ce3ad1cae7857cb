"""`python -m tests.determinism.disturbed train …`: the command `sac`, in a process whose global generators never rest.

They start from operating-system entropy, and before every draw, step, gather and update somebody consumes them.
"""

from __future__ import annotations

import functools
import locale
import os
import random
import sys
from collections.abc import Callable
from typing import Any


def consume() -> None:
    """Draw from every global generator."""
    import numpy as np
    import torch

    random.random()
    np.random.rand(3)
    torch.rand(3)


def consuming(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, after somebody has consumed the global generators."""

    @functools.wraps(function)
    def disturbed(*arguments: Any, **named: Any) -> Any:
        consume()
        return function(*arguments, **named)

    return disturbed


def disturb() -> None:
    """Scramble the global generators, and keep consuming them from inside the training loop."""
    import numpy as np
    import torch

    from sac.envs.serial import SerialVectorEnv
    from sac.learner.factory import learner_kind
    from sac.replay import ReplayBuffer
    from sac.rollout.collector import Collector
    from sac.streams import Stream

    entropy = int.from_bytes(os.urandom(4), "little")
    random.seed(entropy)
    np.random.seed(entropy)
    torch.manual_seed(entropy)
    places = {
        Collector: ("collect", "_book"),
        SerialVectorEnv: ("reset", "step"),
        learner_kind(torch.device("cpu")): ("update", "act", "act_mean"),
        ReplayBuffer: ("add", "gather"),
        Stream: ("generator",),
    }
    for owner, names in places.items():
        for name in names:
            setattr(owner, name, consuming(getattr(owner, name)))


if __name__ == "__main__":
    from sac.cli import main
    from sac.numerics import profiles

    profiles.prepare("deterministic")
    disturb()
    # Number formats of the caller's locale, as a program with a graphical user interface would switch them on.
    locale.setlocale(locale.LC_ALL, "")
    sys.exit(main())
