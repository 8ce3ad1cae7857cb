"""Evaluation draws from the generator that training draws from; the two runs evaluate at different intervals."""

import sys

import torch

every = int(sys.argv[1])
torch.manual_seed(1)
policy = torch.nn.Linear(3, 2)


def explore(observation):
    with torch.no_grad():
        mean = policy(observation)
    return mean + torch.randn(2)


def evaluate():
    starts = torch.rand(3)  # CAUSE
    with torch.no_grad():
        return policy(starts)


observation = torch.ones(3)
for step in range(1, 7):
    observation = observation + explore(observation).sum()
    if step % every == 0:
        evaluate()
