"""What a tracer may break: generator classes, pickles, methods that look like hooks, names in classes, keywords."""

import copy
import os
import pickle
import random
from pathlib import Path

import gymnasium as gym
import numpy as np
import torch


class Private:
    __names = ("a", "b")

    def total(self):
        return [name for name in self.__names] + [hash(number) for number in (1, 2)]


def main():
    torch.manual_seed(seed=3)
    np.random.seed(seed=3)
    random.seed(a=3)
    rng = np.random.default_rng(seed=3)
    again = pickle.loads(pickle.dumps(rng))
    print(type(rng).__name__, isinstance(rng, np.random.Generator), type(again).__name__)
    print(rng.normal(), again.normal(), copy.deepcopy(rng).normal(), [one.normal() for one in rng.spawn(2)])
    state = np.random.RandomState(seed=4)
    print(isinstance(state, np.random.RandomState), state.rand(), pickle.loads(pickle.dumps(state)).rand())
    print(isinstance(np.random.mtrand._rand, np.random.RandomState), random.Random(5).sample(range(10), 3))
    print(Private().total(), sorted(os.listdir(path=Path(__file__).parent))[0], len(os.urandom(3)))
    items = list(range(5))
    random.shuffle(items)
    rng.shuffle(items)
    print(items, ",".join(name for name in ("x", "y")), [*map(str, items)])
    saved = torch.get_rng_state()
    first = torch.rand(2)
    torch.set_rng_state(saved)
    print(first.tolist() == torch.rand(2).tolist(), torch.empty(0).shape, torch.rand(2, device="cpu").tolist())
    with torch.device("cpu"):
        print(torch.rand(1).device)
    space = gym.spaces.Dict({"a": gym.spaces.Discrete(5), "b": gym.spaces.Box(0, 1, (2,))}, seed=1)
    print(space.sample(), np.random.get_state()[2], random.getstate()[1][:2])


if __name__ == "__main__":
    main()
