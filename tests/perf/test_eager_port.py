"""The peer: ManiSkill's update and replay buffer, its operations one by one, beside `test_parts.py`'s."""

import pytest
import torch

from sac.bench.workloads.cases import ACTION, ENVS, OBSERVATION, ROWS, normal
from tests.reference.eager_port import EagerLearner, ReplayPort, Sample


@pytest.fixture
def autograd():
    torch.manual_seed(7)
    with torch.enable_grad():
        yield


@pytest.mark.parametrize("batch", [256, 1024, 4096])
def test_update_of_the_port(batch, timed, autograd):
    rewards, dones = normal("reward", batch), torch.zeros(batch)
    observations = normal("observation", batch, OBSERVATION), normal("next", batch, OBSERVATION)
    sample = Sample(*observations, normal("action", batch, ACTION).clamp(-1, 1), rewards, dones)
    learner = EagerLearner(OBSERVATION, ACTION)
    timed(lambda: learner.update(sample), compared_with=f"update_{batch}")


@pytest.fixture
def replay():
    port = ReplayPort(ROWS, ENVS, OBSERVATION, ACTION, "cpu")
    for _ in range(ROWS):
        add(port)
    return port


def add(port):
    observation = normal("observation", ENVS, OBSERVATION)
    port.add(observation, observation, normal("action", ENVS, ACTION), normal("reward", ENVS), torch.zeros(ENVS))


def test_sample_of_the_port(replay, timed, autograd):
    timed(lambda: replay.sample(1024), compared_with="replay_sample")


def test_four_adds_of_the_port(replay, timed):
    observation, action = normal("observation", ENVS, OBSERVATION), normal("action", ENVS, ACTION)
    reward, done = normal("reward", ENVS), torch.zeros(ENVS)

    def four() -> None:
        for _ in range(4):
            replay.add(observation, observation, action, reward, done)

    timed(four, compared_with="replay_add")
