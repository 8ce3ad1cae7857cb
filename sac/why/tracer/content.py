"""What values are made of: order-aware digests of everything in them, and a few exact elements.

A digest covers types, names, dtypes, shapes, order and every bit. What can't be read, an object of compiled code for
example, is never passed over in silence: it is handed to `uncompared`, and two runs that hold it aren't called equal.
SHA-256 is the fastest of the standard library's hashes where the CPU has instructions for it.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from . import content_arrays as arrays
from .content_objects import fields_of, handle, identity, reduced
from .own_paths import unplaced

SAMPLE = 64
"""Elements of which the exact bits are kept."""

PARTS = 2_000_000
"""Parts of one value that are looked at; what is beyond is said not to be compared."""

_PLAIN = (bool, int, float, complex, str, bytes, type(None))
_MANY = 32
_SMALL = 4096
_NUMBERS = frozenset("?bBhHiIlLqQefdFD")
_NO_ARRAYS = ("dtype", "MaskedArray")
_SHOWN_DEPTH = 6
Uncompared = list[tuple[str, str]]
"""What could not be compared, as (path in the value, type)."""


def digest(value: Any, uncompared: Uncompared | None = None) -> str:
    """Return 16 hexadecimal digits that tell this value from others.

    Args:
        value: anything.
        uncompared: what can't be read is added here.
    """
    walk = _Walk({}, [] if uncompared is None else uncompared)
    try:
        walk.feed(value, "")
    except RecursionError:
        walk.give_up(value, "", "nested too deep: ")
    return walk.state.hexdigest()[:16]


class _Walk:
    """Feeds one value to a hash, part by part.

    Args:
        seen: objects that were met before -> their number; what is met again is its number only.
        uncompared: where to note what can't be read.
    """

    def __init__(self, seen: dict[int, tuple[int, Any]], uncompared: Uncompared) -> None:
        self.state = hashlib.sha256(usedforsecurity=False)
        self.seen, self.uncompared = seen, uncompared
        self.parts = 0

    def put(self, *texts: str) -> None:
        """Feed texts, each with its length."""
        for text in texts:
            encoded = text.encode("utf-8", "surrogatepass")
            self.state.update(b"%d:%b" % (len(encoded), encoded))

    def give_up(self, value: Any, path: str, why: str = "") -> None:
        """Note that a part isn't compared; its type alone is."""
        name = identity(type(value))
        self.put("uncompared", name)
        self.uncompared.append((path, why + name))

    def feed(self, value: Any, path: str) -> None:
        """Feed one part and all that is in it."""
        kind = type(value)
        if kind in _PLAIN:
            self.state.update(plain(value))
            return
        self.parts += 1
        if self.parts > PARTS:
            if self.parts == PARTS + 1:
                self.give_up(value, path, f"beyond {PARTS} parts: ")
            return
        known = self.seen.get(id(value))
        if known is not None:
            self.put("again", str(known[0]))
            return
        # What is remembered must live on: its number in memory would be given to another object.
        self.seen[id(value)] = len(self.seen), value
        feed = _FEED.get(kind)
        if feed is not None:
            feed(self, value, path)
        elif not (kind.__module__ == "numpy" and self.feed_simple(value)):
            _feed_other(self, value, path)

    def feed_simple(self, value: Any) -> bool:
        """Feed a small array of numbers; returns whether it is one. Environments give thousands of them a second."""
        dtype = getattr(value, "dtype", None)
        if getattr(dtype, "char", "O") not in _NUMBERS or type(value).__name__ in _NO_ARRAYS or value.nbytes > _SMALL:
            return False
        self.state.update(b"%b%b;" % (dtype.char.encode(), repr(value.shape).encode()))  # type: ignore[union-attr]
        self.state.update(value.tobytes())
        return True


def plain(value: Any) -> bytes:
    """Return a plain value as bytes that tell it from all others, its end included."""
    if isinstance(value, str):
        encoded = unplaced(value).encode("utf-8", "surrogatepass")
        return b"s%d:%b" % (len(encoded), encoded)
    if isinstance(value, bytes):
        return b"b%d:%b" % (len(value), value)
    if isinstance(value, float) and value != value:
        return b"f" + struct.pack("d", value)
    # As a text, True and 1 and 1.0 and 1j are told apart, and so is -0.0.
    return b"%b;" % repr(value).encode()


def _feed_sequence(walk: _Walk, value: Any, path: str) -> None:
    walk.put(type(value).__name__, str(len(value)))
    # Hundreds of plain numbers, such as a generator's state, are read at once: one by one they cost a millisecond.
    if len(value) > _MANY and all(type(part) in _PLAIN for part in value):
        walk.put(unplaced(repr(value)))
        return
    for position, part in enumerate(value):
        walk.feed(part, f"{path}[{position}]")


def _feed_mapping(walk: _Walk, value: Mapping[Any, Any], path: str) -> None:
    walk.put(type(value).__name__, str(len(value)))
    for name, part in value.items():
        walk.feed(name, f"{path}(key)")
        walk.feed(part, f"{path}.{_label(name)}")


def _feed_set(walk: _Walk, value: Any, path: str) -> None:
    """Feed a set by the digests of its elements, sorted: it has no order of its own."""
    walk.put(type(value).__name__, str(len(value)))
    found = []
    for part in value:
        inner = _Walk(dict(walk.seen), walk.uncompared)
        inner.feed(part, f"{path}(element)")
        found.append(inner.state.digest())
    for one in sorted(found):
        walk.state.update(one)


def _feed_other(walk: _Walk, value: Any, path: str) -> None:
    """Feed what is no plain container: an array, something with a name, a container's subclass, an object."""
    named = handle(value)
    if named is not None:
        walk.put("named", named)
        return
    walk.put(identity(type(value)))
    try:
        readable = any(read(walk, value, path) for read in (_array, _container, _object))
    except RecursionError:
        raise
    except Exception:
        # The methods of the script's own objects may raise anything.
        readable = False
    if not readable:
        walk.give_up(value, path)


def _array(walk: _Walk, value: Any, path: str) -> bool:
    """Feed an array, a tensor, or what can be read as one; returns whether it is one."""
    parts = arrays.parts_of(value)
    if parts is None:
        return False
    for name, part in parts:
        if isinstance(part, memoryview):
            walk.put(name, str(part.nbytes))
            walk.state.update(part)
        else:
            walk.put(name)
            walk.feed(part, f"{path}{name}")
    return True


def _container(walk: _Walk, value: Any, path: str) -> bool:
    """Feed an instance of a class that derives from a plain one, and its own attributes; returns whether it is one."""
    base = next((one for one in _BASES if isinstance(value, one)), None)
    if base is None:
        return False
    if base in _FEED:
        _FEED[base](walk, value, path)
    else:
        walk.state.update(plain(base(value)))
    own = getattr(value, "__dict__", None)
    if own:
        _feed_fields(walk, own, path)
    return True


def _object(walk: _Walk, value: Any, path: str) -> bool:
    """Feed an object by its fields, or by what a pickle of it would hold; returns whether it could be read."""
    fields = fields_of(value)
    if fields is not None:
        _feed_fields(walk, fields, path)
        return True
    state = reduced(value)
    if state is None:
        return False
    walk.feed(state, path)
    return True


def _feed_fields(walk: _Walk, fields: Mapping[str, Any], path: str) -> None:
    # Attributes are looked up by name; in which order they were set says nothing.
    for name in sorted(fields, key=str):
        walk.put(str(name))
        walk.feed(fields[name], f"{path}.{name}")


_FEED: dict[type, Any] = {list: _feed_sequence, tuple: _feed_sequence, dict: _feed_mapping}
_FEED |= {set: _feed_set, frozenset: _feed_set}
_BASES = (dict, list, tuple, set, frozenset, str, bytes, int, float, complex)


def _label(name: Any) -> str:
    """Return a key of a mapping as it is shown."""
    return name if isinstance(name, str) else repr(name) if isinstance(name, _PLAIN) else str(type(name).__name__)


def leaves(value: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Walk over the arrays and plain values of a nest, in order, each with its path; what is deep is left out."""
    if as_array(value) is not None or isinstance(value, _PLAIN):
        yield path, value
    elif depth > _SHOWN_DEPTH:
        return
    elif isinstance(value, Mapping):
        for name in value:
            yield from leaves(value[name], f"{path}.{_label(name)}", depth + 1)
    elif isinstance(value, (list, tuple)):
        for position, part in enumerate(value):
            yield from leaves(part, f"{path}[{position}]", depth + 1)
    else:
        fields = fields_of(value) if handle(value) is None else None
        for name in fields or ():
            yield from leaves((fields or {})[name], f"{path}.{name}", depth + 1)


as_array = arrays.as_array


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
            kept = bytes(arrays.head(array, SAMPLE * width))
            count = leaf.numel() if hasattr(leaf, "numel") else int(array.size)
            found.append({"path": path, "dtype": dtype, "count": count, "bits": base64.b64encode(kept).decode()})
    return found


def short(value: Any, limit: int = 60) -> str:
    """Return a value as people read it, in few characters."""
    text = repr(value) if isinstance(value, _PLAIN) else f"{type(value).__name__}"
    return text if len(text) <= limit else text[: limit - 1] + "…"
