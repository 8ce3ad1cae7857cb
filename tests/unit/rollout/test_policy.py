"""A policy as one launch gives actions that stay what they were."""

import pytest
import torch

from sac.rollout import policy as policy_module
from sac.rollout.policy import CapturedPolicy


class Replayed:
    """Stands in for a CUDA graph: every call writes its result to the same memory."""

    def __init__(self, function, stream):
        self.function, self.result = function, function().clone()

    def __call__(self):
        return self.result.copy_(self.function())


class Sum:
    """A policy that anybody can follow."""

    def act(self, observation, noise):
        return observation[:, :2] + noise


def assert_actions_stay(policy):
    # The first call is no replay of a graph, so it takes three.
    actions = [policy.act(torch.full((4, 3), x), torch.full((4, 2), x / 4)) for x in (1.0, 2.0, 3.0)]
    assert [action.tolist() for action in actions] == [[[x, x]] * 4 for x in (1.25, 2.5, 3.75)]


def test_actions_are_not_overwritten_by_the_next_call(monkeypatch):
    monkeypatch.setattr(policy_module, "CapturedCall", Replayed)
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: None)
    assert_actions_stay(CapturedPolicy(Sum(), (4, 3, 2), torch.device("cpu")))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="graphs are a GPU's")
def test_nor_are_those_of_a_graph_on_a_gpu():
    assert_actions_stay(CapturedPolicy(Sum(), (4, 3, 2), torch.device("cuda")))
