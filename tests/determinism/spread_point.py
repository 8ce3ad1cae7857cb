"""The point task in single environments, which worker processes can hold as they hold ManiSkill's.

`python -m tests.determinism.spread_point train …` is the command `sac` with this task in the place of ManiSkill's.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import torch

from sac.envs.point import PointVectorEnv
from sac.envs.serial import Transition

ENV_ID = "SpreadPoint-v1"
"""Its bits are those of Point-v1, which is stepped in one process whatever `--workers` says."""


class OnePoint:
    """One point mass; implements `sac.envs.serial.SingleEnv`."""

    def __init__(self) -> None:
        self._seed = 0
        # Whoever holds this environment ends its episodes.
        self._point = PointVectorEnv(1, lambda index, episode: self._seed, ignore_terminations=True, env_id=ENV_ID)
        self.spec = self._point.spec

    def reset(self, seed: int, scene_seed: int) -> np.ndarray:
        """The point task has no scene."""
        self._seed = seed
        return self._point.reset()[0][0].numpy().copy()

    def step(self, action: np.ndarray) -> Transition:
        batch = self._point.step(torch.from_numpy(action)[None])
        flags = (bool(flag) for flag in (batch.success, batch.truncated, batch.success, batch.fail))
        return Transition(batch.next_observation[0].numpy().copy(), float(batch.reward), *flags)

    def close(self) -> None:
        self._point.close()


def make(env_id: str, **options: Any) -> OnePoint:
    """Stands for `sac.envs.factory.make_single_env`."""
    return OnePoint()


if __name__ == "__main__":
    from sac.cli import main
    from sac.numerics import profiles

    profiles.prepare("deterministic")
    from sac.envs import factory
    from tests.determinism import spread_point

    # By its name in this package, under which the workers find it.
    factory.make_single_env = spread_point.make
    sys.exit(main())
