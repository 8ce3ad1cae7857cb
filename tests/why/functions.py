"""Functions for the tests of the pytest plugin."""

import collections
import contextlib
import dataclasses
import os

import numpy as np

from .scale import SCALE

LARGE = 3_000_000


def seeded(seed):
    return np.random.default_rng(seed).normal(size=3)


def unseeded():
    return np.random.default_rng().normal(size=3)


def ordered_by_a_set():
    return list({"hip", "knee", "ankle", "wrist", "elbow"})


def failing(seed):
    raise ValueError(f"no {seed}")


@dataclasses.dataclass
class Rollout:
    reward: float


def noise():
    return int.from_bytes(os.urandom(4), "big") + 0.5


def a_dataclass():
    return Rollout(noise())


def a_deque():
    return collections.deque([noise()])


def a_set():
    return {noise()}


def an_array_of_objects():
    return np.array([Rollout(noise()), None], dtype=object)


def the_last_of_many_elements():
    made = np.zeros(LARGE)
    made[-1] = noise()
    return made


def printed_only():
    print("score", noise())


def an_iterator():
    return iter([1])


@contextlib.contextmanager
def _settings():
    yield


@_settings()
def decorated(seed):
    return SCALE, seed
