"""Named, stateless random streams: every random number of a run comes from here.

A stream has no state. Its block ``k`` is a function of (root seed, stream name, k) alone: a Philox counter generator
(Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) whose key is a hash of seed and name and whose
counter starts at ``k``. So no consumer can disturb another, checkpoints hold nothing about random numbers, and the
noise of iteration ``k`` can be recomputed alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

_VERSION = "sac/streams/1"
_MASK_64 = (1 << 64) - 1
_MASK_31 = (1 << 31) - 1


def _hash(*parts: object) -> int:
    """Return a 128-bit hash of `parts`; each is prefixed with its length, so no two tuples share an encoding."""
    text = "".join(f"{len(str(part))}:{part}" for part in (_VERSION, *parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "little")


class Stream:
    """One named stream below a root seed.

    Args:
        seed: the run's root seed, any integer.
        name: what the numbers are for, for example ``"replay.index"``; part of the key.
        index: distinguishes the members of a family of streams, for example one for each environment.
    """

    def __init__(self, seed: int, name: str, index: int = 0) -> None:
        key = _hash("stream", seed, name, index)
        self._key = np.array([key & _MASK_64, key >> 64], dtype=np.uint64)
        self.name = name

    def generator(self, block: int) -> np.random.Generator:
        """Return a fresh generator at the start of block `block`; blocks are 2**192 draws apart and never meet."""
        counter = np.array([0, 0, 0, block], dtype=np.uint64)
        return np.random.Generator(np.random.Philox(key=self._key, counter=counter))

    def normal(self, block: int, shape: tuple[int, ...]) -> np.ndarray:
        """Return standard normal float32 numbers of the given shape."""
        return self.generator(block).standard_normal(shape, dtype=np.float32)

    def uniform(self, block: int, shape: tuple[int, ...]) -> np.ndarray:
        """Return float32 numbers of the given shape, uniform in [0, 1)."""
        return self.generator(block).random(shape, dtype=np.float32)

    def integers(self, block: int, high: int, shape: tuple[int, ...]) -> np.ndarray:
        """Return int64 numbers of the given shape, uniform in [0, high)."""
        return self.generator(block).integers(0, high, size=shape, dtype=np.int64)


@dataclass(frozen=True)
class Streams:
    """Every random stream of a training run: what it is called, and what it is for.

    A value without state: two made from one seed are the same streams.

    Attributes:
        seed: the run's root seed.
    """

    seed: int

    @property
    def initial_actor(self) -> Stream:
        """Initial weights of the actor; block 0."""
        return Stream(self.seed, "init.actor")

    @property
    def initial_critic(self) -> Stream:
        """Initial weights of the critics; block 0."""
        return Stream(self.seed, "init.critic")

    def warm_up_action(self, env: int) -> Stream:
        """Uniform actions of environment `env` before the policy acts; block s for its step s."""
        return Stream(self.seed, "action.warm_up", env)

    def action_noise(self, env: int) -> Stream:
        """Normal noise from which the policy draws the actions of environment `env`; block s for its step s."""
        return Stream(self.seed, "action.noise", env)

    @property
    def replay_index(self) -> Stream:
        """Which transitions the batches hold; block k for iteration k."""
        return Stream(self.seed, "replay.index")

    @property
    def update_noise(self) -> Stream:
        """Normal noise from which gradient steps draw actions; block k for iteration k."""
        return Stream(self.seed, "update.noise")

    @property
    def training_episodes(self) -> EpisodeSeeds:
        """The seeds of the training environments' episodes."""
        return EpisodeSeeds(self.seed, "train")

    @property
    def evaluation_episodes(self) -> EpisodeSeeds:
        """The seeds of the evaluation environments' episodes; every evaluation begins with the same ones."""
        return EpisodeSeeds(self.seed, "eval")


@dataclass(frozen=True)
class EpisodeSeeds:
    """The seed of every episode, as a pure function (and picklable, so that worker processes can hold it).

    Attributes:
        seed: the run's root seed.
        role: ``"train"`` or ``"eval"``; the two never share an episode.
    """

    seed: int
    role: str

    def __call__(self, env: int, episode: int) -> int:
        """Return the seed in [0, 2**31) of episode `episode` of environment `env`."""
        return _hash("episode", self.seed, self.role, env, episode) & _MASK_31
