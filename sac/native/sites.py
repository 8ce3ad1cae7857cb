"""Where to change a library: each instruction whose result vendors choose, and what moves to make room.

Such an instruction is 3 or 4 bytes long and a jump is 5, so a neighbour must move too. It can move if nothing jumps to
it, and if it does the same elsewhere.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from iced_x86 import Code, FlowControl, Instruction, OpKind

from sac.native.errors import NotReplaceable
from sac.native.instructions import around, landing_places, search
from sac.native.library import Library, checksum, read_library

JUMP = 5
"""Length of a near jump in bytes."""
REPLACEABLE = (Code.RCPPS_XMM_XMMM128, Code.RSQRTPS_XMM_XMMM128)
KNOWN = Path(__file__).with_name("known.json")


@dataclass(frozen=True)
class Site:
    """One instruction to replace.

    Attributes:
        address: of the instruction, as linked.
        start: of the bytes that a jump replaces.
        code: those bytes: whole instructions, including the one at `address`.
    """

    address: int
    start: int
    code: bytes


def sites(path: Path) -> tuple[Site, ...]:
    """Return what to replace in a library: look it up by checksum, or else read all of its code.

    Raises:
        NotReplaceable: it holds an instruction that can't be replaced.
    """
    known = json.loads(KNOWN.read_text())["libraries"].get(checksum(path))
    if known is None:
        return find_sites(read_library(path))
    return tuple(map(_from_text, known["sites"]))


def find_sites(library: Library) -> tuple[Site, ...]:
    """Read all code of a library and find room for each replacement.

    Raises:
        NotReplaceable: an instruction is of a kind that can't be replaced, or there is no room for a jump.
    """
    if not len(library.functions):
        raise NotReplaceable(f"{library.path.name} has no index of its functions, so its code can't be read for sure")
    if library.packed:
        raise NotReplaceable(f"{library.path.name} has packed relocations, whose pointers into code are not read here")
    found = search(library)
    places = landing_places(library, found)
    all_sites = tuple(_site(library, address, name, places) for address, name in sorted(found.chosen.items()))
    for one, other in itertools.pairwise(sorted(all_sites, key=lambda site: site.start)):
        if one.start + len(one.code) > other.start:
            raise NotReplaceable(
                f"{library.path.name} needs the same bytes for the jumps of {one.address:#x} and {other.address:#x}"
            )
    return all_sites


def _site(library: Library, address: int, name: str, places: np.ndarray) -> Site:
    stretch = around(library, address)
    (position,) = (number for number, instruction in enumerate(stretch) if instruction.ip == address)
    trouble = _trouble(stretch[position])
    if not trouble:
        for first, last in _windows(stretch, position):
            window = stretch[first : last + 1]
            trouble = next(filter(None, map(_immovable, window)), "") or _landing(window, places)
            if not trouble:
                return Site(address, window[0].ip, _bytes(library, window))
    where = f"{library.path.name} holds {name.lower()} at {address:#x}, whose result the CPU's vendor chose"
    raise NotReplaceable(f"{where}, and it can't be replaced by an exact operation: {trouble or 'no neighbour'}")


def _trouble(instruction: Instruction) -> str:
    if instruction.code not in REPLACEABLE:
        return "only the packed SSE forms, rcpps and rsqrtps, can be"
    if instruction.op1_kind != OpKind.REGISTER:
        return "its operand lies in memory"
    return ""


def _windows(stretch: list[Instruction], position: int) -> list[tuple[int, int]]:
    """Return runs of instructions around one that are just long enough for a jump, with later neighbours first."""
    found = []
    for first in range(position, max(position - JUMP, -1), -1):
        last = position
        while last < len(stretch) and _length(stretch[first : last + 1]) < JUMP:
            last += 1
        if last < len(stretch) and all(not one.is_invalid for one in stretch[first : last + 1]):
            found.append((first, last))
    return found


def _length(window: list[Instruction]) -> int:
    return sum(instruction.len for instruction in window)


def _immovable(instruction: Instruction) -> str:
    if instruction.flow_control != FlowControl.NEXT:
        return "the instruction beside it is a jump, a call or a return"
    return ""


def _landing(window: list[Instruction], places: np.ndarray) -> str:
    start, stop = window[0].ip, window[-1].next_ip
    low, high = np.searchsorted(places, (start + 1, stop))
    return f"something jumps to {int(places[low]):#x}, in the midst of what a jump would take" if low < high else ""


def _bytes(library: Library, window: list[Instruction]) -> bytes:
    start, stop = window[0].ip, window[-1].next_ip
    (section,) = (s for s in library.code if s.address <= start < s.address + len(s.data))
    return section.data[start - section.address : stop - section.address]


def known_text(path: Path, name: str) -> str:
    """Return the text of known.json with the sites of one more library, newly found."""
    kept = json.loads(KNOWN.read_text())
    kept["libraries"][checksum(path)] = {"name": name, "sites": list(map(_to_text, find_sites(read_library(path))))}
    return json.dumps(kept, indent=1) + "\n"


def _to_text(site: Site) -> str:
    return f"{site.address:x} {site.start:x} {site.code.hex()}"


def _from_text(text: str) -> Site:
    address, start, code = text.split()
    return Site(int(address, 16), int(start, 16), bytes.fromhex(code))
