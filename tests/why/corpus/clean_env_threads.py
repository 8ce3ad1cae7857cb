"""Environments step in the threads of a pool, each its own: that another thread is in one hides no step."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import gymnasium as gym
import numpy as np

TURN = int(os.environ.get("SAC_WHY_RUN", "1").rpartition("-")[2])


class Slow(gym.Env):
    observation_space = gym.spaces.Box(-9, 9, (1,))
    action_space = gym.spaces.Box(-1, 1, (1,))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.number, self.place = seed, self.np_random.normal(size=1)
        return self.place, {}

    def step(self, action):
        time.sleep(0.001 * ((self.number * 7 + 3 * TURN) % 4))
        self.place = self.place + action + 0.1 * self.np_random.normal(size=1)
        return self.place, float(self.place[0]), False, False, {}


def episode(number):
    env, rng = gym.wrappers.TimeLimit(Slow(), 100), np.random.default_rng(number)
    env.reset(seed=number)
    return sum(env.step(rng.uniform(-1, 1, 1))[1] for _ in range(20))


with ThreadPoolExecutor(4) as pool:
    print("score", list(pool.map(episode, range(12))))
