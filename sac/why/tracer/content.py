"""What values are made of: order-aware digests and a few exact elements, of arrays and of nests of them.

A digest covers dtype, shape, element order and bits. SHA-1 is used for its speed on the small arrays of environments;
it guards against accidents, not against an adversary.
"""

from __future__ import annotations

import base64
import hashlib
import sys
from collections.abc import Iterator, Mapping
from typing import Any

WHOLE = 1 << 22
"""Bytes up to which an array is digested whole; larger ones by a prefix and by elements at equal distances."""

SAMPLE = 64
"""Elements of which the exact bits are kept."""

_PLAIN = (bool, int, float, complex, str, bytes, type(None))
_ITEMS = 10_000
_DEPTH = 6
_MANY = 32
_UNREADABLE = "unreadable"


def digest(value: Any) -> str:
    """Return 16 hexadecimal digits that tell this value from others."""
    state = hashlib.sha1(usedforsecurity=False)
    for path, leaf in leaves(value):
        state.update(path.encode())
        _feed(state, leaf)
    return state.hexdigest()[:16]


def leaves(value: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Walk over the arrays and plain values of a nest, in order, each with its path."""
    if as_array(value) is not None or isinstance(value, _PLAIN) or depth > _DEPTH:
        yield path, value
    elif isinstance(value, Mapping):
        yield path, f"mapping of {len(value)}"
        for name in list(value)[:_ITEMS]:
            yield from leaves(value[name], f"{path}.{_label(name)}", depth + 1)
    elif isinstance(value, (list, tuple)):
        yield path, f"sequence of {len(value)}"
        # Hundreds of plain numbers, such as a generator's state, are read at once: one by one they cost a millisecond.
        if len(value) > _MANY and all(type(part) in _PLAIN for part in value):
            yield path, repr(value[:_ITEMS])
            return
        for position, part in enumerate(value[:_ITEMS]):
            yield from leaves(part, f"{path}[{position}]", depth + 1)
    else:
        # Objects have no bits that could be compared between processes: their type stands for them.
        yield path, f"a {type(value).__module__}.{type(value).__qualname__}"


def _label(name: Any) -> str:
    """Return a key of a mapping as it is shown."""
    return name if isinstance(name, str) else repr(name) if isinstance(name, _PLAIN) else str(type(name))


def _bytes(array: Any) -> memoryview:
    """Return a contiguous array as bytes, without a copy."""
    return memoryview(array).cast("B")


def _feed(state: Any, leaf: Any) -> None:
    """Add one leaf to a hash."""
    array = as_array(leaf)
    if array is None:
        state.update(repr(leaf).encode("utf-8", "backslashreplace"))
        return
    state.update(f"{leaf.dtype}{tuple(leaf.shape)}".encode())
    state.update(_bits(array))


def as_array(value: Any) -> Any:
    """Return an array of bits that NumPy can read, for a tensor, an array or a NumPy scalar; None for others."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return None
    if isinstance(value, (numpy.ndarray, numpy.generic)):
        return None if value.dtype.hasobject else numpy.asarray(value)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, getattr(torch, "Tensor", ())):
        return _tensor_bits(torch, value)
    return None


def _tensor_bits(torch: Any, value: Any) -> Any:
    """Return the bits of a tensor, on the host; None for those that have none (fake, batched or sparse)."""
    try:
        flat = value.detach().resolve_conj().resolve_neg().contiguous().reshape(-1)
        if flat.numel() * flat.element_size() > WHOLE and flat.device.type != "cpu":
            flat = flat[:: -(-flat.numel() * flat.element_size() // WHOLE)].contiguous()
        return flat.view(torch.uint8).cpu().numpy() if flat.dtype != torch.bool else flat.cpu().numpy()
    except (RuntimeError, TypeError, NotImplementedError):
        return None


def _bits(array: Any) -> Any:
    """Return the bytes of an array: all of them, or a fixed choice where they are many."""
    import numpy

    if array.nbytes > WHOLE:
        flat = array.reshape(-1)
        step = -(-array.nbytes // WHOLE)
        array = numpy.concatenate([flat[: WHOLE // 16], flat[::step]])
    return _bytes(numpy.ascontiguousarray(array)) if array.size else b""


def sample(value: Any) -> list[dict[str, Any]]:
    """Return the first elements of the first arrays of a nest, exactly: they give the figures of a verdict."""
    found: list[dict[str, Any]] = []
    for path, leaf in leaves(value):
        if len(found) == 4:
            break
        if isinstance(leaf, (bool, int, float)):
            found.append({"path": path, "dtype": type(leaf).__name__, "count": 1, "value": repr(leaf)})
        elif (array := as_array(leaf)) is not None:
            dtype = str(leaf.dtype).removeprefix("torch.")
            width = leaf.element_size() if hasattr(leaf, "element_size") else array.dtype.itemsize
            kept = bytes(_head(array, SAMPLE * width))
            count = leaf.numel() if hasattr(leaf, "numel") else int(array.size)
            found.append({"path": path, "dtype": dtype, "count": count, "bits": base64.b64encode(kept).decode()})
    return found


def _head(array: Any, size: int) -> Any:
    """Return the first bytes of an array in logical order."""
    import numpy

    flat = array.reshape(-1)[:size]
    return _bytes(numpy.ascontiguousarray(flat))[:size] if flat.size else b""


def short(value: Any, limit: int = 60) -> str:
    """Return a value as people read it, in few characters."""
    text = repr(value) if isinstance(value, _PLAIN) else f"{type(value).__name__}"
    return text if len(text) <= limit else text[: limit - 1] + "…"
