"""Imitation from three sensors, with one bug: two runs of the same seed give different networks.

`sac why -- python imitate.py` finds it.
"""

from __future__ import annotations

import torch
from torch import nn

SENSORS = {"joint_angles", "gripper_width", "cube_position"}
WIDTH = {"joint_angles": 7, "gripper_width": 1, "cube_position": 3}


class Encoder(nn.Module):
    """One layer for each sensor, side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleDict({name: nn.Linear(WIDTH[name], 16) for name in SENSORS})
        self.head = nn.Linear(16 * len(SENSORS), 4)

    def forward(self, readings: dict[str, torch.Tensor]) -> torch.Tensor:
        """Map readings of each sensor, (N, width), to actions, (N, 4)."""
        features = [torch.relu(self.layers[name](readings[name])) for name in sorted(readings)]
        return self.head(torch.cat(features, dim=1))


def main() -> None:
    """Train on demonstrations that are drawn."""
    torch.manual_seed(1)
    demonstrations = {name: torch.randn(256, width) for name, width in sorted(WIDTH.items())}
    actions = torch.tanh(demonstrations["joint_angles"][:, :4])
    encoder = Encoder()
    optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-2)
    for step in range(30):
        loss = (encoder(demonstrations) - actions).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 10 == 9:
            print(f"step {step + 1}: loss {loss.item():.6f}")


if __name__ == "__main__":
    main()
