"""Small environments with known behaviour, and helpers that the tests of `sac.envs` share."""

from __future__ import annotations

import random

import numpy as np
import torch

from sac.envs.maniskill.isolation import IsolatedGenerators
from sac.envs.protocol import EnvSpec, StepBatch, VectorEnv
from sac.envs.serial import Transition

FAKE_STEPS = 5


def episode_seed(index: int, episode: int) -> int:
    """Return a seed that differs for all (index, episode) that tests use."""
    return 1 + index * 1009 + episode * 31


class DrawingEnv:
    """A single environment that draws from all three global generators at every step, as careless tasks do."""

    def __init__(self, *, isolated: bool, terminate_at: int | None = None) -> None:
        bound = np.ones(2, np.float32)
        self.spec = EnvSpec("Drawing-v1", 3, -bound, bound, FAKE_STEPS)
        self.scenes: list[int] = []
        self.poison: str | None = None
        self._generators = IsolatedGenerators() if isolated else None
        self._terminate_at = terminate_at
        self._steps = 0

    def reset(self, seed: int, scene_seed: int) -> np.ndarray:
        self.scenes.append(scene_seed)
        self._steps = 0
        if self._generators is not None:
            self._generators.seed(seed)
        return self._observe()

    def step(self, action: np.ndarray) -> Transition:
        if self.poison == "raise":
            raise RuntimeError("the simulator died")
        self._steps += 1
        observation = self._observe() + np.float32(action.sum())
        if self.poison == "observation":
            observation[1] = np.nan
        success = self._steps == self._terminate_at
        reward = float("inf") if self.poison == "reward" else 0.5
        return Transition(observation, reward, success, self._steps >= FAKE_STEPS, success, False)

    def close(self) -> None:
        self.spec = None

    def _observe(self) -> np.ndarray:
        if self._generators is None:
            return draw()
        with self._generators:
            return draw()


def draw() -> np.ndarray:
    """Draw once from each global generator."""
    return np.array([random.random(), np.random.rand(), float(torch.rand(()))], np.float32)


def global_states() -> list[bytes]:
    """Return the states of the three global generators, comparable with ``==``."""
    python, numpy = random.getstate(), np.random.get_state()
    return [
        repr(python).encode(),
        b"".join(part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode() for part in numpy),
        torch.get_rng_state().numpy().tobytes(),
    ]


def pollute(seed: int) -> None:
    """Move all three global generators, and leave a Gaussian cached in NumPy's and Python's."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    random.gauss(0, 1)
    np.random.randn()


def actions(num_envs: int, action_dim: int, steps: int, seed: int = 0) -> list[torch.Tensor]:
    """Return `steps` random actions for each environment; row i doesn't depend on `num_envs`."""
    rows = [np.random.RandomState([seed, i]).uniform(-1, 1, (steps, action_dim)) for i in range(num_envs)]
    return list(torch.from_numpy(np.stack(rows, axis=1).astype(np.float32)))


def rollout(env: VectorEnv, steps: list[torch.Tensor], episode: int = 0) -> list[StepBatch]:
    """Reset and play the actions."""
    env.reset(episode)
    return [env.step(action) for action in steps]


def first_difference(a: list[StepBatch], b: list[StepBatch], row: int | None = None) -> str | None:
    """Say where two roll-outs part, bit for bit, or None; `row` compares one environment only."""
    for step, (left, right) in enumerate(zip(a, b, strict=True)):
        for field in vars(left):
            x, y = getattr(left, field).numpy(), getattr(right, field).numpy()
            if row is not None:
                x, y = x[row], y[row]
            if x.tobytes() != y.tobytes():
                return f"step {step}, {field}: {int((x != y).sum())} elements differ"
    return None


def other_episode_seed(index: int, episode: int) -> int:
    """Return a seed that differs from `episode_seed` everywhere."""
    return episode_seed(index, episode) + 1


def play(env, seed, scene_seed=7, steps=50):
    """Return the bytes of an episode, one entry a step; pushes down and to one side to get into contact."""
    rng = np.random.RandomState(seed)
    drift = 0.7 * rng.uniform(-1, 1, env.spec.action_dim)
    trace = [env.reset(seed, scene_seed).tobytes()]
    for step in range(steps):
        action = 0.5 * rng.uniform(-1, 1, env.spec.action_dim) + drift
        if env.spec.action_dim == 4 and step < 25:
            action[2] -= 0.6
        transition = env.step(action.clip(-1, 1).astype(np.float32))
        trace.append(transition.observation.tobytes() + repr(transition[1:]).encode())
    return trace
