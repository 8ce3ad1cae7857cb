"""Exact counters: what one call asks of torch, whatever the clock says.

They count where torch dispatches: they miss operations below that, and memory that a kernel takes for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

_COPIES = frozenset({"copy_", "_to_copy", "clone", "cat", "index_select", "index", "stack", "gather"})
_SYNCS = frozenset({"_local_scalar_dense", "nonzero", "equal", "is_nonzero", "masked_select"})
"""Operations for whose result the host must wait, because it decides a number or a shape there."""


class Counting(TorchDispatchMode):
    """Counts operations, host syncs, bytes copied and allocations of torch while it is entered.

    It does not see NumPy: for example, a CPU's digests show only in the clock.
    """

    def __init__(self) -> None:
        super().__init__()
        self.counts = {"operations": 0, "host_syncs": 0, "bytes_copied": 0, "allocations": 0, "bytes_allocated": 0}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run one operation and count it."""
        kwargs = kwargs or {}
        # Before the call: an operation with `out=` may move its storage.
        given = {_address(tensor) for tensor in _tensors([args, kwargs])}
        result = func(*args, **kwargs)
        name = func.overloadpacket.__name__
        outputs = list(_tensors(result))
        self.counts["operations"] += 1
        self.counts["host_syncs"] += name in _SYNCS or _is_masked(name, args) or _leaves_device(name, args, outputs)
        if name in _COPIES:
            self.counts["bytes_copied"] += sum(_bytes(tensor) for tensor in outputs)
        fresh = {_address(tensor): tensor for tensor in outputs if _address(tensor) not in given}
        self.counts["allocations"] += len(fresh)
        self.counts["bytes_allocated"] += sum(tensor.untyped_storage().nbytes() for tensor in fresh.values())
        return result


def count(work: Callable[[], object]) -> dict[str, int]:
    """Return the counters of one call."""
    with Counting() as mode:
        work()
    return mode.counts


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _tensors(part)


def _address(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage()._cdata


def _bytes(tensor: torch.Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _is_masked(name: str, args: tuple[Any, ...]) -> bool:
    """Whether an index is a mask: only its content tells how many elements it takes."""
    return name == "index" and any(tensor.dtype == torch.bool for tensor in _tensors(args[1]))


def _leaves_device(name: str, args: tuple[Any, ...], outputs: list[torch.Tensor]) -> bool:
    """Whether a copy brings an accelerator's tensor to the host."""
    if name not in _COPIES or not outputs or outputs[0].device.type != "cpu":
        return False
    return any(tensor.device.type != "cpu" for tensor in _tensors(args))
