"""Environments in worker processes have the properties that every vector environment has."""

import functools

import pytest

from sac.envs.workers.vector_env import PooledVectorEnv
from tests.integration.envs.workers.fakes import shared_pool
from tests.unit.envs.test_protocol import *  # noqa: F403
from tests.unit.envs.test_protocol import DRAWING


@pytest.fixture(scope="module", name="make")
def make_pooled():
    """Takes the place of the fixture that came with the tests."""
    pooled = functools.partial(PooledVectorEnv, shared_pool(2), DRAWING)
    return lambda num_envs, seeds, ignore: pooled(num_envs, seeds, ignore_terminations=ignore)
