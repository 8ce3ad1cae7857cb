"""The judge of tensors that come from files: dense numbers in the computer's own memory, or none at all."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from sac.untrusted.file import Unreadable

_KINDS = (torch.Tensor, torch.nn.Parameter)


def require_plain(
    value: object, shape: Sequence[int] | None = None, *, floating: bool = False, finite: bool = True
) -> torch.Tensor:
    """Return a tensor that is what it seems: dense, real, on the CPU, with a memory of its own for each element.

    Args:
        value: what a file holds.
        shape: the shape that it must have; any by default.
        floating: whether it must hold floats.
        finite: whether floats must be finite.

    Raises:
        Unreadable: it is none, or of another shape; the message says what it is.
    """
    if not isinstance(value, torch.Tensor):
        raise Unreadable(f"is no tensor but of type {type(value).__name__}")
    kind = _strange(value)
    if kind:
        raise Unreadable(f"is {kind}; a dense tensor of real numbers on the CPU is expected")
    if shape is not None and tuple(value.shape) != tuple(shape):
        raise Unreadable(f"has shape {tuple(value.shape)}, expected {tuple(shape)}")
    if value.numel() * value.element_size() > value.untyped_storage().nbytes():
        raise Unreadable("is larger than its memory: elements share places")
    if floating and not value.is_floating_point():
        raise Unreadable(f"holds {_dtype(value)}, expected floats")
    if finite and value.is_floating_point() and not bool(torch.isfinite(value).all()):
        raise Unreadable("holds NaN or infinity")
    return value


def _strange(value: torch.Tensor) -> str:
    """What a tensor is instead of a plain one; "" for that."""
    if type(value) not in _KINDS:
        return f"of the class {type(value).__name__}"
    if value.device.type != "cpu":
        return f"on the device {value.device.type}"
    if value.layout is not torch.strided:
        return f"of the layout {str(value.layout).removeprefix('torch.')}"
    if value.is_quantized:
        return "quantized"
    return "complex" if value.is_complex() else ""


def _dtype(value: torch.Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")
