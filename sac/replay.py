"""Replay storage: packed rows, so that a batch is one gather."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sac.state import ReplayState


@dataclass(frozen=True)
class RowLayout:
    """Columns of one packed transition: observation, action, reward, stop_bootstrap, next observation.

    Observation and action lie side by side: together they are the critic's input.
    """

    observation_dim: int
    action_dim: int

    @property
    def width(self) -> int:
        """Number of columns D."""
        return 2 * self.observation_dim + self.action_dim + 2

    def pack(
        self,
        observation: torch.Tensor,
        action: torch.Tensor,
        reward: torch.Tensor,
        stop_bootstrap: torch.Tensor,
        next_observation: torch.Tensor,
    ) -> torch.Tensor:
        """Pack (..., O), (..., A), (...), (...) and (..., O) into rows (..., D)."""
        parts = [observation, action, reward.unsqueeze(-1), stop_bootstrap.unsqueeze(-1).float(), next_observation]
        return torch.cat(parts, dim=-1)

    def unpack(self, rows: torch.Tensor) -> Batch:
        """Name the columns of rows (B, D); the batch's tensors are views."""
        o, a = self.observation_dim, self.action_dim
        return Batch(
            observation=rows[:, :o],
            action=rows[:, o : o + a],
            observation_action=rows[:, : o + a],
            reward=rows[:, o + a],
            stop_bootstrap=rows[:, o + a + 1],
            next_observation=rows[:, o + a + 2 :],
        )


@dataclass(frozen=True)
class Batch:
    """B transitions: views of packed rows.

    Attributes:
        observation: (B, O).
        action: (B, A).
        observation_action: (B, O + A), the two side by side.
        reward: (B,).
        stop_bootstrap: (B,), 1 where the value must not be bootstrapped from the next observation.
        next_observation: (B, O).
    """

    observation: torch.Tensor
    action: torch.Tensor
    observation_action: torch.Tensor
    reward: torch.Tensor
    stop_bootstrap: torch.Tensor
    next_observation: torch.Tensor


class ReplayBuffer:
    """A ring of rows for each environment, as in ManiSkill's `sac.py`: all environments write the same row.

    Args:
        layout: columns of a row.
        num_envs: N.
        buffer_size: capacity in transitions; `buffer_size // num_envs` rows are kept.
        device: where the rows live.
    """

    def __init__(self, layout: RowLayout, num_envs: int, buffer_size: int, device: torch.device) -> None:
        capacity = buffer_size // num_envs
        rows = torch.zeros((capacity, num_envs, layout.width), dtype=torch.float32, device=device)
        self.layout = layout
        self.state = ReplayState(rows)

    def __len__(self) -> int:
        """Number of transitions held."""
        return self.state.size * self.state.rows.shape[1]

    def add(self, rows: torch.Tensor) -> None:
        """Append packed transitions (T, N, D), oldest first; when the ring is full, they replace the oldest rows.

        Raises:
            ValueError: N or D is another, or T exceeds the ring's capacity.
        """
        state = self.state
        capacity = state.rows.shape[0]
        if rows.shape[1:] != state.rows.shape[1:]:
            raise ValueError(f"rows have shape {tuple(rows.shape)}, the ring holds (T, *{tuple(state.rows.shape[1:])})")
        if rows.shape[0] > capacity:
            raise ValueError(f"{rows.shape[0]} rows at once do not fit a ring of {capacity}")
        first = min(rows.shape[0], capacity - state.position)
        state.rows[state.position : state.position + first] = rows[:first]
        state.rows[: rows.shape[0] - first] = rows[first:]
        state.position = (state.position + rows.shape[0]) % capacity
        state.size = min(state.size + rows.shape[0], capacity)
        state.written += rows.shape[0]

    def gather(self, index: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
        """Return packed transitions (B, D) at flat indices (B,) int64 in [0, len(self)).

        Args:
            index: (B,) int64.
            out: (B, D), written and returned if given.
        """
        return torch.index_select(self.state.rows.flatten(0, 1), 0, index, out=out)
