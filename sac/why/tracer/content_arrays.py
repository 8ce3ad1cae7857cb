"""Arrays, tensors and buffers as bytes: whole, whatever their size, with dtype and shape."""

from __future__ import annotations

import array
import sys
from collections.abc import Iterable
from typing import Any

Parts = Iterable[tuple[str, Any]]
_LONG = 10
"""Bytes of a long double that mean something; the other six are whatever was in memory."""


def as_array(value: Any) -> Any:
    """Return an array of bits that NumPy can read, for a tensor, an array or a NumPy scalar; None for others."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return None
    if isinstance(value, (numpy.ndarray, numpy.generic)):
        return None if value.dtype.hasobject or value.dtype.kind == "T" else numpy.asarray(value)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, getattr(torch, "Tensor", ())):
        return _tensor_bits(torch, value)
    return None


def head(value: Any, size: int) -> Any:
    """Return the first bytes of an array in logical order."""
    import numpy

    flat: Any = numpy.ascontiguousarray(value.reshape(-1)[:size])
    return memoryview(flat).cast("B")[:size] if flat.size else b""


def parts_of(value: Any) -> Parts | None:
    """Return what an array is made of, as names with memory or with values; None for what is no array.

    Raises:
        Exception: whatever the object's own methods raise.
    """
    memory: Any = value
    if isinstance(value, (bytearray, memoryview, array.array)):
        view = memoryview(memory)
        return [(f"{view.format}{view.shape}", memoryview(view.tobytes()))]
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic)):
        return _numpy_parts(numpy, value)
    if torch is not None and isinstance(value, getattr(torch, "Tensor", ())):
        return _tensor_parts(torch, value)
    if torch is not None and isinstance(value, getattr(torch, "Generator", ())):
        return [("state", memory.get_state())]
    return None if numpy is None else _foreign_parts(numpy, value)


def _numpy_parts(numpy: Any, value: Any) -> Parts:
    """Return the parts of an array of NumPy's; objects in it one by one."""
    if isinstance(value, numpy.ma.MaskedArray):
        # What lies under a mask is no part of the value.
        return [("mask", numpy.ma.getmaskarray(value)), ("data", value.tolist())]
    found = numpy.asarray(value)
    if found.dtype.kind == "U" and numpy.any(numpy.char.find(found, "/") >= 0):
        # Paths are read one by one: a run's own folder is no part of them.
        return [(f"texts{found.shape}", found.tolist())]
    name = f"{found.dtype.str if found.dtype.names is None else found.dtype.descr}{found.shape}"
    if found.dtype.hasobject or found.dtype.kind == "T":
        return [(name, found.tolist())]
    if found.dtype.names is not None:
        # Between the fields may lie bytes that nobody has written.
        return [(name, None), *((field, found[field]) for field in found.dtype.names)]
    return [(name, _memory(numpy, found))]


def _memory(numpy: Any, found: Any) -> memoryview:
    """Return the bytes of an array."""
    if not found.size:
        return memoryview(b"")
    flat = numpy.ascontiguousarray(found).reshape(-1)
    if flat.dtype.kind in "fc" and flat.dtype.itemsize in (16, 32) and flat.dtype.char in "gG":
        flat = numpy.ascontiguousarray(flat.view(numpy.uint8).reshape(-1, 16)[:, :_LONG])
    return memoryview(flat.view(numpy.uint8)).cast("B")


def _tensor_parts(torch: Any, value: Any) -> Parts | None:
    """Return the parts of a tensor; None for one that has none that can be read."""
    functorch = torch._C._functorch
    if functorch.is_batchedtensor(value):
        return [(f"vmap{functorch.maybe_get_bdim(value)}", functorch.get_unwrapped(value))]
    if functorch.is_gradtrackingtensor(value):
        return [("grad", functorch.get_unwrapped(value))]
    if value.is_nested:
        return [("nested", list(value.detach().unbind()))]
    name = f"{value.dtype}{tuple(value.shape)}{value.device.type}"
    if value.layout is torch.sparse_coo:
        entries = value.detach().coalesce()
        return [(name, None), ("indices", entries.indices()), ("values", entries.values())]
    if value.layout in (torch.sparse_csr, torch.sparse_bsr):
        return [
            (name, None),
            ("rows", value.crow_indices()),
            ("columns", value.col_indices()),
            ("values", value.values()),
        ]
    if value.layout in (torch.sparse_csc, torch.sparse_bsc):
        return [
            (name, None),
            ("columns", value.ccol_indices()),
            ("rows", value.row_indices()),
            ("values", value.values()),
        ]
    if value.is_quantized:
        return [(name, value.int_repr()), ("scale", str(value.qscheme())), ("values", value.dequantize())]
    if value.device.type == "meta" or type(value).__name__ == "FakeTensor":
        # It has no elements, by design.
        return [(name, None)]
    bits = _tensor_bits(torch, value)
    if bits is None:
        flatten = getattr(value, "__tensor_flatten__", None)
        return None if flatten is None else [(part, getattr(value, part)) for part in flatten()[0]]
    import numpy

    return [(name, _memory(numpy, bits))]


def _tensor_bits(torch: Any, value: Any) -> Any:
    """Return the bits of a tensor, on the host; None for those that have none (fake, batched or sparse)."""
    try:
        flat = value.detach().resolve_conj().resolve_neg().contiguous().reshape(-1)
        return flat.view(torch.uint8).cpu().numpy() if flat.dtype != torch.bool else flat.cpu().numpy()
    except (RuntimeError, TypeError, NotImplementedError):
        return None


def _foreign_parts(numpy: Any, value: Any) -> Parts | None:
    """Return what another library's array shows to NumPy, an image or an array of JAX's for example."""
    kind = type(value)
    if kind.__module__.startswith("pandas"):
        # Its arrays lack the labels.
        return None
    if not (hasattr(kind, "__array__") or hasattr(kind, "__array_interface__")):
        return None
    try:
        return [("array", numpy.asarray(value))]
    except Exception:
        return None
