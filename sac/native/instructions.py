"""Which instructions of a library give results that the CPU's vendor chose, and where its code may jump to.

IEEE 754 defines every bit of + - * / and the square root. x86 does not define how close an approximate reciprocal is to
the truth, and Intel's and AMD's tables differ. It does not define the functions of the x87 unit (sine, logarithm, ...)
either.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from iced_x86 import Decoder, FlowControl, Instruction, Mnemonic

from sac.native.library import Library, Section

_APPROXIMATE = ("RCP", "RSQRT", "VRCP", "VRSQRT", "VEXP2", "VEXP22", "PFRCP", "PFRSQ")
_X87 = ("F2XM1", "FCOS", "FPATAN", "FPTAN", "FSIN", "FSINCOS", "FYL2X", "FYL2XP1")
CHOSEN_BY_VENDORS: dict[int, str] = {
    number: name
    for name, number in vars(Mnemonic).items()
    if isinstance(number, int) and (name in _X87 or name.startswith(_APPROXIMATE))
}
"""Mnemonic -> its name, for every instruction whose result the CPU's vendor chooses."""
_STRAIGHT_ON = frozenset((FlowControl.NEXT, FlowControl.INTERRUPT, FlowControl.EXCEPTION))
_JUMP_TABLE_ENTRY = np.dtype("<i4")


@dataclass
class Findings:
    """What one pass over a library's code found.

    Attributes:
        chosen: address -> name, of instructions whose results vendors choose.
        targets: addresses to which code jumps directly.
        referenced: addresses of data that code names; a table of jumps is among them, if there is one.
    """

    chosen: dict[int, str] = field(default_factory=dict)
    targets: set[int] = field(default_factory=set)
    referenced: set[int] = field(default_factory=set)


def search(library: Library, *, landings: bool = True) -> Findings:
    """Read all code of a library, each function from its own beginning.

    Args:
        library: what to read.
        landings: also note where the code jumps to and which data it names; a large library has millions of both.
    """
    found = Findings()
    for section in library.code:
        for start, code in stretches(section, library.functions):
            for instruction in Decoder(64, code, ip=start):
                if instruction.mnemonic in CHOSEN_BY_VENDORS:
                    found.chosen[instruction.ip] = CHOSEN_BY_VENDORS[instruction.mnemonic]
                if landings:
                    _note_landings(instruction, found)
    return found


def stretches(section: Section, functions: np.ndarray) -> Iterator[tuple[int, bytes]]:
    """Cut a section at the starts (F,) int64 of its functions, and yield (address, code) of each piece.

    Data before a function can't then shift its decoding.
    """
    end = section.address + len(section.data)
    inside = functions[(functions > section.address) & (functions < end)]
    bounds = [section.address, *(int(start) for start in inside), end]
    for start, stop in itertools.pairwise(bounds):
        yield start, section.data[start - section.address : stop - section.address]


def _note_landings(instruction: Instruction, found: Findings) -> None:
    if instruction.flow_control not in _STRAIGHT_ON:
        found.targets.add(instruction.near_branch_target)
    elif instruction.is_ip_rel_memory_operand:
        found.referenced.add(instruction.ip_rel_memory_address)


def landing_places(library: Library, found: Findings) -> np.ndarray:
    """Return the addresses (L,) int64, ascending, that control may reach other than from the instruction before.

    These are targets of direct jumps and calls, starts of functions, pointers, and whatever a jump table could hold:
    any run of 32-bit offsets that begins at data which the code names, and that leads into code. That is more than
    there are. Only starts of C++ exception handlers are not among them.
    """
    direct = np.fromiter(found.targets, np.int64, len(found.targets))
    places = [direct, library.functions, library.pointers, *_tables(library, found)]
    return np.unique(np.concatenate(places))


def _tables(library: Library, found: Findings) -> Iterator[np.ndarray]:
    for section in library.constants:
        end = section.address + len(section.data)
        for base in found.referenced:
            if section.address <= base < end:
                yield _table(section, base, library.code)


def _table(section: Section, base: int, code: tuple[Section, ...]) -> np.ndarray:
    """Return where the offsets from `base` on lead, as long as they lead into code."""
    offset, size = base - section.address, 64
    while True:
        entries = (len(section.data) - offset) // 4
        values = np.frombuffer(section.data, _JUMP_TABLE_ENTRY, min(size, entries), offset)
        places = values.astype(np.int64) + base
        inside = np.zeros(len(places), bool)
        for part in code:
            inside |= (places >= part.address) & (places < part.address + len(part.data))
        if not inside.all() or size >= entries:
            return places[: int(np.argmin(inside)) if not inside.all() else None]
        size *= 8


def around(library: Library, address: int) -> list[Instruction]:
    """Decode the stretch of code that holds `address`, from the start of its function.

    Raises:
        ValueError: no code is at `address`.
    """
    for section in library.code:
        for start, code in stretches(section, library.functions):
            if start <= address < start + len(code):
                return list(Decoder(64, code, ip=start))
    raise ValueError(f"{address:#x} is not in the code of {library.path}")
