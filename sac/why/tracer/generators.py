"""The global generators of the libraries that are loaded: whether somebody has seeded each, and its state.

What code in C draws leaves no call that could be hooked, but it moves the state. So the state is read before and after
whatever may draw: it lies in memory as one block, and is read there in less than a microsecond.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .place import Place

NEVER = "never seeded"
"""Stands for the state of a generator that nobody has seeded: in every process it is another, and as good as none."""

_REMEMBERED = 4096
_LEAST = 16
"""Bytes that NumPy asks for at least: with fewer, a number may be the script's own seed by chance, 1 for example."""
_WORDS = 624
_BLOCK = 4 * (_WORDS + 1)


def short_digest(state: bytes) -> str:
    """Return 16 hexadecimal digits that tell a state from others."""
    return hashlib.sha1(state, usedforsecurity=False).hexdigest()[:16]


def random_state(generator: random.Random) -> Callable[[], bytes]:
    """Return a function that reads the state of a generator of Python's own."""
    block = (ctypes.c_char * _BLOCK).from_address(id(generator) + object.__basicsize__)
    words = generator.getstate()[1]
    told = b"".join(int(word).to_bytes(4, "little") for word in (words[-1], *words[:-1]))

    def slow() -> bytes:
        return repr(generator.getstate()).encode()

    # Another interpreter may keep it elsewhere.
    return (lambda: bytes(block) + repr(generator.gauss_next).encode()) if bytes(block) == told else slow  # type: ignore[attr-defined]


def bit_generator_state(bit_generator: Any) -> Callable[[], bytes]:
    """Return a function that reads the state of a bit generator of NumPy's."""
    if type(bit_generator).__name__ == "MT19937":
        block = (ctypes.c_char * _BLOCK).from_address(bit_generator.ctypes.state_address)
        return lambda: bytes(block)
    return lambda: repr(bit_generator.state).encode()


class Entropy:
    """Numbers that were drawn from the operating system's entropy, with their lines: a generator may be made of one."""

    def __init__(self) -> None:
        self._lines: dict[int, Place | None] = {}

    def remember(self, drawn: bytes, place: Callable[[], Place | None]) -> None:
        """Remember bytes that a generator may be made of, as the number that they are; of very many, the last ones."""
        if len(drawn) < _LEAST:
            return
        number = int.from_bytes(drawn, "big")
        if len(self._lines) >= _REMEMBERED:
            del self._lines[next(iter(self._lines))]
        self._lines[number] = place()

    def __contains__(self, number: int) -> bool:
        return number in self._lines

    def __getitem__(self, number: int) -> Place | None:
        return self._lines[number]


class Generators:
    """Global generators, by the names that are shown."""

    def __init__(self) -> None:
        self._read: dict[str, Callable[[], bytes]] = {}
        self._save: dict[str, Callable[[], Callable[[], object]]] = {}
        self._reseed: dict[str, Callable[[], object]] = {}
        self._first: dict[str, bytes] = {}
        self._numbers: dict[int, int] = {}
        self._drawn: set[str] = set()
        self.seeded: set[str] = set()

    def add(
        self,
        name: str,
        read: Callable[[], bytes],
        save: Callable[[], Callable[[], object]],
        at_fork: Callable[[], object] | None = None,
    ) -> None:
        """Watch a generator from now on.

        Args:
            name: as it is shown.
            read: returns its state.
            save: returns a function that gives it back the state that it has now.
            at_fork: called in every forked child; for a generator that Python seeds anew there.
        """
        self._read[name], self._save[name], self._first[name] = read, save, read()
        if at_fork is not None:
            self._reseed[name] = at_fork

    def after_fork(self) -> None:
        """Note in a forked child which generators have got a state that nobody chose."""
        self._drawn.clear()
        for name, reseed in self._reseed.items():
            self.seeded.discard(name)
            reseed()
            self._first[name] = self._read[name]()

    def save(self) -> Callable[[], None]:
        """Return a function that gives all generators back the states that they have now."""
        restore = [save() for save in self._save.values()]

        def put_back() -> None:
            for one in restore:
                one()

        return put_back

    def __contains__(self, name: str) -> bool:
        return name in self._read

    def drawn(self) -> set[str]:
        """Return the generators that have moved while nobody had seeded them; to be asked before each seeding too."""
        self._drawn |= {name for name in self._read if self._has_moved(name)}
        return self._drawn

    def restoring(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that gives a global generator a state, and notes that somebody chose it."""

        @functools.wraps(original)
        def traced(*args: Any, **kwargs: Any) -> Any:
            self.drawn()
            given = original(*args, **kwargs)
            self.seeded.add(name)
            return given

        return traced

    def _has_moved(self, name: str) -> bool:
        """Whether a generator that nobody has seeded is another than it was at first."""
        return name not in self.seeded and name in self._read and self._read[name]() != self._first[name]

    def state(self, name: str) -> str:
        """Return a digest of a generator's state, or `NEVER`."""
        return short_digest(self._read[name]()) if name in self.seeded and name in self._read else NEVER

    def facts(self, name: str) -> dict[str, Any]:
        """Return what is known of a global generator: of one that nobody has seeded, whether it has moved before."""
        drawn = {"drawn": True} if self._has_moved(name) else {}
        return {"generator": name, "seeded": name in self.seeded, **drawn}

    def number(self, generator: object) -> int:
        """Return the number of a generator of the script's own among those that were drawn from."""
        return self._numbers.setdefault(id(generator), len(self._numbers) + 1)

    def states(self) -> dict[str, bytes]:
        """Return the states of all, to be given to `moved`."""
        return {name: read() for name, read in self._read.items()}

    def moved(self, before: Mapping[str, bytes]) -> Iterable[str]:
        """Return the names of the generators whose state isn't any more what it was."""
        return [name for name, state in before.items() if self._read[name]() != state]
