"""A policy as one launch gives actions that stay what they were."""

import torch

from sac import captured_policy
from sac.captured_policy import CapturedPolicy


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


def test_actions_are_not_overwritten_by_the_next_call(monkeypatch):
    monkeypatch.setattr(captured_policy, "CapturedCall", Replayed)
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: None)
    policy = CapturedPolicy(Sum(), (4, 3, 2), torch.device("cpu"))
    first = policy.act(torch.full((4, 3), 1.0), torch.full((4, 2), 0.5))
    second = policy.act(torch.full((4, 3), 2.0), torch.full((4, 2), 0.25))
    assert first.tolist() == [[1.5, 1.5]] * 4
    assert second.tolist() == [[2.25, 2.25]] * 4
