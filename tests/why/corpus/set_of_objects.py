"""A set of objects is ordered by their addresses."""

import torch

torch.manual_seed(1)


class Node:
    def __init__(self, value):
        self.value = value


nodes = {Node(float(number)) for number in range(20)}
net = torch.nn.Linear(1, 1)
for node in nodes:  # CAUSE
    net(torch.tensor([node.value]))
