"""A buffer of NumPy's that is not written to its end."""

import numpy as np


class Rollout:
    def __init__(self, steps, envs):
        self.rewards = np.empty((steps, envs))  # CAUSE
        self.dones = np.zeros((steps, envs), bool)

    def advantages(self, gamma=0.99):
        made, last = np.zeros_like(self.rewards), 0.0
        for t in reversed(range(len(self.rewards))):
            last = made[t] = self.rewards[t] + gamma * last * ~self.dones[t]
        return made


def main():
    rng = np.random.default_rng(0)
    junk = [rng.normal(size=(32, 4)) for _ in range(20)]
    total = sum(one.sum() for one in junk)
    del junk
    rollout = Rollout(32, 4)
    for t in range(31):
        rollout.rewards[t] = rng.normal(size=4)
    print("advantages", rollout.advantages().mean(0), total)


main()
