"""Plans: phases of items of operations, written down once as a table that native threads work through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from sac.kernels.runner import COUNTER_WORDS, FUNCTION_SLOT, SLOTS


@dataclass(frozen=True)
class Given:
    """An address that becomes known when the plan is run: that of a named tensor, and bytes from there."""

    name: str
    offset: int = 0


@dataclass(frozen=True)
class Matrix:
    """Rows of float32 in memory.

    Attributes:
        address: of the first element; `Given` if it is known only when the plan is run.
        stride: elements from row to row.
        columns: elements of a row that mean something.
    """

    address: int | Given
    stride: int
    columns: int

    def at(self, row: int, column: int = 0) -> int | Given:
        """Return the address of an element."""
        offset = 4 * (row * self.stride + column)
        if isinstance(self.address, Given):
            return Given(self.address.name, self.address.offset + offset)
        return self.address + offset

    def part(self, row: int, column: int = 0, columns: int | None = None) -> Matrix:
        """Return the matrix that begins at an element."""
        return Matrix(self.at(row, column), self.stride, self.columns - column if columns is None else columns)


class Memory:
    """Zeroed matrices that live as long as this object, padded as the kernels need it."""

    def __init__(self) -> None:
        self._kept: list[np.ndarray] = []

    def matrix(self, rows: int, columns: int) -> Matrix:
        """Return a new matrix: room for a multiple of 8 rows and for 16 columns and more than are named.

        The extra columns also keep rows from lying a power of two apart, where few sets of a cache would hold them.
        """
        stride = padded(columns, 16) + 16
        return Matrix(self.floats(padded(rows, 8) * stride).ctypes.data, stride, columns)

    def floats(self, count: int) -> np.ndarray:
        """Return `count` zeros that begin with a cache line."""
        memory = np.zeros(count + 32, np.float32)
        self._kept.append(memory)
        start = -memory.ctypes.data % 64 // 4
        return memory[start : start + count]


def padded(count: int, multiple: int) -> int:
    """Round up to a multiple."""
    return -(-count // multiple) * multiple


class Plan:
    """Operations in items in phases; see `runner`.

    Args:
        addresses: of the kernels by name.
    """

    def __init__(self, addresses: Mapping[str, int]) -> None:
        self._addresses = addresses
        self._operations: list[list[int]] = []
        self._items, self._phases = [0], list[int]()
        self._given: dict[str, list[tuple[int, int, int]]] = {}

    def add(self, kernel: str, *slots: int | Given) -> int:
        """Append an operation to the item under way; return its number."""
        number = len(self._operations)
        row = [0] * SLOTS
        for slot, value in enumerate(slots):
            if isinstance(value, Given):
                self._given.setdefault(value.name, []).append((number, slot, value.offset))
            else:
                row[slot] = value
        row[FUNCTION_SLOT] = self._addresses[kernel]
        self._operations.append(row)
        return number

    @contextmanager
    def item(self) -> Iterator[None]:
        """What one thread does without a pause."""
        yield
        self._items.append(len(self._operations))

    @contextmanager
    def phase(self) -> Iterator[None]:
        """Items in any order, by any thread."""
        yield
        self._phases.append(len(self._items) - 1)

    def finished(self) -> Table:
        """Return the plan as native threads read it."""
        return Table(self._operations, self._items, self._phases, self._given)


class Table:
    """A finished plan; `address` is what `Kernels.run` takes after `begin`."""

    def __init__(
        self,
        operations: list[list[int]],
        items: list[int],
        phases: list[int],
        given: Mapping[str, list[tuple[int, int, int]]],
    ) -> None:
        self.operations = np.array(operations, np.int64).reshape(-1, SLOTS)
        self._items, self._ends = np.array(items, np.int64), np.array(phases, np.int64)
        self._first_items = np.array([0, *phases[:-1]], np.int64)
        self._counters = np.zeros((len(phases), COUNTER_WORDS), np.int64)
        self._given = {name: np.array(places, np.int64).T for name, places in given.items()}
        arrays = (self.operations, self._items, self._ends)
        addresses = [array.ctypes.data for array in arrays]
        self._plan = np.array([*addresses, len(phases), self._counters.ctypes.data, 1], np.int64)
        self.address = self._plan.ctypes.data

    def choose(self, operations: list[int], kernel: int) -> None:
        """Let some operations be done by the kernel at an address."""
        self.operations[operations, FUNCTION_SLOT] = kernel

    def begin(self, given: Mapping[str, int], threads: int, phases: int | None = None) -> None:
        """Set the given tensors' addresses, the number of threads, and how many phases they work through (all)."""
        for name, (rows, slots, offsets) in self._given.items():
            self.operations[rows, slots] = given[name] + offsets
        self._counters[:] = 0
        self._counters[:, 0] = self._first_items
        self._plan[3] = len(self._ends) if phases is None else phases
        self._plan[5] = threads
