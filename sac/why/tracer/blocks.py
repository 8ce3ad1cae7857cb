"""Events that come by the thousand are counted, and digested in blocks: what a line does its hundredth time is cheap.

The first events of a line are written one by one. From then on, up to `SIZE` of them become one event of kind `block`.
Two runs that differ in one of a block's events differ in the block; which of them it is, a second pass tells, in which
nothing is put into blocks from shortly before that place on.
"""

from __future__ import annotations

import contextlib
import hashlib
import marshal
import threading
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from .content import digest
from .own_paths import unplaced
from .place import Place

FULL = 100
"""Events of a line that are written one by one."""

SIZE = 256
"""Events in a block."""

_BITS = frozenset((float, int, bool, type(None)))
_PARTS = tuple(bytes([count]) for count in range(8))
"""What stands before the parts of a tuple: no value is kept as bytes alone."""
_ARGUMENTS = b"arguments"


def put_bits(items: list[Any], value: Any) -> None:
    """Append what tells a value from others, cheaply: itself if it can't change, its bytes if it is a small array.

    No two values append the same, whatever is appended behind them: of an array come a string, a tuple and bytes, of a
    tuple bytes first.
    """
    kind = type(value)
    if kind in _BITS:
        items.append(value)
    elif kind is str:
        items.append(unplaced(value))
    elif kind is tuple and len(value) < 8:
        items.append(_PARTS[len(value)])
        for part in value:
            # Most parts are plain: a call of this function costs more than to look.
            if type(part) in _BITS:
                items.append(part)
            else:
                put_bits(items, part)
    elif kind.__name__ == "ndarray" and value.nbytes < 4096 and not value.dtype.hasobject and value.dtype.kind != "U":
        items += (value.dtype.str, value.shape, value.tobytes())
    elif kind.__module__ == "numpy" and hasattr(value, "tobytes") and value.dtype.kind != "U":
        items += (value.dtype.str, value.tobytes())
    elif kind.__name__ == "Tensor" and value.device.type == "cpu" and value.numel() < 1024:
        items += _of_tensor(value)
    else:
        items.append(digest(value))


def _of_tensor(value: Any) -> tuple[Any, ...]:
    with contextlib.suppress(TypeError, RuntimeError):
        return str(value.dtype), tuple(value.shape), value.detach().numpy().tobytes()
    return (digest(value),)


class Block:
    """Events of one line that are written as one."""

    __slots__ = ("code", "count", "facts", "items", "name", "number", "place", "state")

    def __init__(self, name: str, place: Place, facts: Mapping[str, Any]) -> None:
        self.name, self.place, self.facts = name, place, facts
        self.items: list[Any] = []
        self.number = self.count = 0
        self.code: Any = None
        """Code of the line, while the block is open and whoever asks first has noted it."""
        self.state = ""
        """Digest of the generator's state before the first of them."""

    def content(self) -> str:
        """Return a digest of all events."""
        # This version of the format writes equal values alike, whatever objects they share.
        return hashlib.sha1(marshal.dumps(self.items, 2), usedforsecurity=False).hexdigest()[:16]


class Blocks:
    """The lines whose events go into blocks, by the caller's code and line.

    Args:
        begin: returns the number of a new event.
        write: writes a block, with the number of its events and their digest.
        state: returns the digest of the state of a global generator.
    """

    def __init__(
        self, begin: Callable[[], int], write: Callable[[Block, int, str], None], state: Callable[[str], str]
    ) -> None:
        self._begin, self._write, self._state = begin, write, state
        self.thread = threading.get_ident()
        self._seen: dict[Hashable, int] = {}
        self.open: dict[Hashable, Block] = {}
        self.closed = False
        """Whether each event is written by itself."""

    def saw(self, key: Hashable, name: str, place: Place, facts: Mapping[str, Any]) -> None:
        """Count an event that was written by itself; from some number on, the next ones go into blocks."""
        seen = self._seen[key] = self._seen.get(key, 0) + 1
        if seen >= FULL and not self.closed:
            self.open[key] = Block(name, place, facts)

    def of(self, key: Hashable) -> Block | None:
        """Return the block into which an event goes; None if it is written by itself."""
        block = self.open.get(key)
        # Threads take turns as they like: what they do together has no order.
        return block if block is None or threading.get_ident() == self.thread else None

    def call(self, block: Block, function: Callable[..., Any], args: Any, kwargs: Any, changed: bool = False) -> Any:
        """Call a function, and put what went in and came out into a block; returns what it returned.

        Args:
            block: that of the call.
            function: what the script wanted to be done.
            args: its arguments.
            kwargs: those with names.
            changed: whether its outcome is its first argument.
        """
        if not block.count:
            self.begin(block)
        result = function(*args, **kwargs)
        self.add(block, args, kwargs, args[0] if changed else result)
        return result

    def begin(self, block: Block) -> None:
        """Note what there is before the first event of a block."""
        block.number = self._begin()
        block.state = self._state(str(block.facts.get("generator", "")))

    def add(self, block: Block, args: Any, kwargs: Any, outcome: Any) -> None:
        """Put what went into an event, and what came out, into a block that has begun."""
        items = block.items
        if args or kwargs:
            items.append(_ARGUMENTS)
            put_bits(items, args)
            items.append(digest(kwargs) if kwargs else "")
        put_bits(items, outcome)
        block.count += 1
        if block.count >= SIZE:
            self.done(block)

    def done(self, block: Block) -> None:
        """Write a block, if there is anything in it."""
        if block.count:
            # What is written may be the last that is asked for, and then all blocks are written.
            count, block.count = block.count, 0
            content = block.content()
            block.items.clear()
            self._write(block, count, content)

    def flush(self) -> None:
        """Write what there is of all blocks."""
        for block in self.open.values():
            self.done(block)

    def reopen(self) -> None:
        """Write what there is, and see events of each line anew: a generator was seeded."""
        self.flush()
        self._clear()

    def restart(self) -> None:
        """Write what there is, and count the events of each line anew."""
        self.flush()
        self._seen.clear()
        self._clear()

    def _clear(self) -> None:
        for block in self.open.values():
            block.code = None
        self.open.clear()

    def forget(self) -> None:
        """Begin anew, in a forked child."""
        self.thread = threading.get_ident()
        self._seen.clear()
        self._clear()

    def close(self) -> None:
        """Write each event by itself from now on."""
        self.flush()
        self.closed = True
        self._clear()
