"""Dropout as a function: no module shows it, and nobody has seeded torch."""

import torch


class Net(torch.nn.Module):
    def forward(self, rows):
        return torch.nn.functional.dropout(rows, 0.5)


net = Net()
for _ in range(5):
    net(torch.ones(16))  # CAUSE
