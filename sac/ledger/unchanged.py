"""What changes the learner besides gradient steps: between two iterations nobody may.

A digest at an iteration's end can't tell a weight that the learner moved from one that somebody else wrote to before it
learned. So a copy is kept of what each line digests, and held against the learner before its next gradient step. A line
gets a value `outside.CHANNEL`, the count of numbers that have changed meanwhile, only where there are any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from sac.ledger.outside import PREFIX


class Unchanged:
    """Copies of the learner's channels, and what has changed since they were taken.

    Args:
        channels: channel -> the tensors that it digests, of 4 bytes an element; their memory is the learner's own.
    """

    def __init__(self, channels: Mapping[str, Sequence[torch.Tensor]]) -> None:
        self._channels = {name: [_bits(tensor) for tensor in tensors] for name, tensors in channels.items()}
        self._kept: dict[str, list[torch.Tensor]] = {}
        self._counts: dict[str, torch.Tensor] = {}

    @torch.no_grad()
    def keep(self) -> None:
        """Keep a copy of the learner as it is now."""
        if not self._kept:
            self._kept = {name: [torch.empty_like(t) for t in tensors] for name, tensors in self._channels.items()}
        for name, tensors in self._channels.items():
            torch._foreach_copy_(self._kept[name], tensors)

    @torch.no_grad()
    def look(self) -> None:
        """Count what has changed since the last `keep`, once; on a GPU without waiting for it."""
        if self._counts or not self._kept:
            return
        for name, tensors in self._channels.items():
            self._counts[name] = torch.stack(
                [_unlike(kept, tensor) for kept, tensor in zip(self._kept[name], tensors, strict=True)]
            ).sum()

    def take(self) -> dict[str, float]:
        """Return `outside.CHANNEL` -> count, of what `look` found; empty where nothing has changed."""
        counts, self._counts = self._counts, {}
        if not counts:
            return {}
        found = torch.stack(list(counts.values())).tolist()
        return {f"{PREFIX}{name}": float(count) for name, count in zip(counts, found, strict=True) if count}


def _bits(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().view(torch.int32)


def _unlike(kept: torch.Tensor, tensor: torch.Tensor) -> torch.Tensor:
    if tensor.device.type == "cpu" and torch.equal(kept, tensor):
        return torch.zeros((), dtype=torch.int64)
    return (kept != tensor).sum()
