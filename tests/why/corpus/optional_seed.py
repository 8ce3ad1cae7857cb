"""A generator's seed is optional, two factories away from the draw."""

from dataclasses import dataclass, field

import numpy as np


def make_rng(seed=None):
    return np.random.default_rng(seed)  # CAUSE


@dataclass
class Noise:
    scale: float = 0.1
    rng: np.random.Generator = field(default_factory=make_rng)

    def __call__(self, action):
        return np.clip(action + self.scale * self.rng.standard_normal(action.shape), -1, 1)


@dataclass
class Agent:
    noise: Noise = field(default_factory=Noise)
    weights: np.ndarray = field(default_factory=lambda: np.ones(3))

    def act(self, obs):
        return self.noise(np.tanh(self.weights * obs))


agent = Agent()
obs = np.full(3, 0.5)
for _ in range(50):
    obs = obs + 0.1 * agent.act(obs)
print("obs", obs)
