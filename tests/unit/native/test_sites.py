"""Each instruction whose result vendors choose is found, and replaced only where that is safe."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from iced_x86 import Code, Instruction, MemoryOperand, Register

from sac.native import sites
from sac.native.errors import NotReplaceable
from sac.native.instructions import CHOSEN_BY_VENDORS, search
from sac.native.library import Section, checksum, read_library
from sac.native.sites import Site, find_sites
from tests.unit.native.programs import ADD, DATA, NOP, RCPPS, RET, TEXT, encode, library, load, xmm

MEMORY = MemoryOperand(Register.RDI)
Y1, Y2 = Register.YMM1, Register.YMM2


def branch(to: int) -> Instruction:
    return Instruction.create_branch(Code.JE_REL8_64, to)


def test_the_neighbour_behind_makes_room():
    (site,) = find_sites(library([NOP, RCPPS, ADD, RET]))
    assert site == Site(TEXT + 1, TEXT + 1, encode([RCPPS, ADD]))


def test_a_branch_into_the_displaced_bytes_makes_the_neighbour_before_move_instead():
    landing = TEXT + len(encode([ADD, RCPPS]))
    (site,) = find_sites(library([ADD, RCPPS, ADD, branch(landing), RET]))
    assert site == Site(TEXT + 3, TEXT, encode([ADD, RCPPS]))


def jumped_to_from_both_sides():
    """Both neighbours can be jumped to: there is no room."""
    site = TEXT + len(encode([ADD]))
    return library([ADD, RCPPS, ADD, branch(site), branch(site + 3), RET])


def tables_of_jumps():
    """As above, but both places are in a table of offsets that the code names."""
    site = TEXT + len(encode([load(0, DATA), ADD]))
    offsets = struct.pack("<2i", site - DATA, site + 3 - DATA)
    return library([load(0, DATA), ADD, RCPPS, ADD, RET], data=offsets)


def pointers_that_the_linker_writes():
    return library([ADD, RCPPS, ADD, RET], pointers=[TEXT + 3, TEXT + 6])


UNFIT = {
    "branches to both neighbours": (jumped_to_from_both_sides, "something jumps to"),
    "tables of jumps": (tables_of_jumps, "something jumps to"),
    "pointers": (pointers_that_the_linker_writes, "something jumps to"),
    "between a call and a return": (
        lambda: library([Instruction.create_branch(Code.CALL_REL32_64, TEXT), RCPPS, RET]),
        "a jump, a call or a return",
    ),
    "operand in memory": (
        lambda: library([Instruction.create_reg_mem(Code.RCPPS_XMM_XMMM128, Register.XMM1, MEMORY), ADD, RET]),
        "in memory",
    ),
    "scalar": (lambda: library([xmm(Code.RCPSS_XMM_XMMM32, 2, 1), ADD, RET]), "packed SSE forms"),
    "VEX": (
        lambda: library([Instruction.create_reg_reg(Code.VEX_VRCPPS_YMM_YMMM256, Y1, Y2), ADD, RET]),
        "packed SSE forms",
    ),
    "x87": (lambda: library([Instruction.create(Code.FSIN), ADD, ADD, RET]), "packed SSE forms"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_what_cannot_be_replaced_is_refused_with_its_address_and_the_reason(name):
    make, reason = UNFIT[name]
    with pytest.raises(NotReplaceable, match=reason) as refused:
        find_sites(make())
    assert "libtest.so" in str(refused.value) and "at 0x10" in str(refused.value)


def test_two_neighbours_that_need_the_same_bytes_are_refused():
    with pytest.raises(NotReplaceable, match="the same bytes"):
        find_sites(library([RCPPS, RCPPS, RET]))


def test_an_operand_that_looks_like_the_instruction_is_none():
    """`mov eax, 0x00d4530f` holds the bytes of an rcpps, which nobody runs."""
    looks_alike = Instruction.create_reg_u32(Code.MOV_R32_IMM32, Register.EAX, 0x00D4530F)
    assert find_sites(library([looks_alike, RET])) == ()


NO_INDEX = np.empty(0, np.int64)


def test_data_before_a_function_does_not_hide_what_is_in_it():
    """A lone `0f` would swallow the instruction behind it, if the function's beginning were not known."""
    code = (Section(".text", TEXT, b"\x0f" + encode([RCPPS, ADD, RET], TEXT + 1)),)
    known = replace(library([RET]), code=code, functions=np.array([TEXT + 1]))
    assert list(search(known).chosen) == [TEXT + 1]
    assert search(replace(known, functions=NO_INDEX)).chosen == {}


def test_a_library_without_an_index_of_its_functions_is_refused():
    with pytest.raises(NotReplaceable, match="no index of its functions"):
        find_sites(replace(library([RCPPS, ADD, RET]), functions=NO_INDEX))
    with pytest.raises(NotReplaceable, match="no index of its functions"):
        find_sites(replace(library([ADD, RET]), functions=NO_INDEX))


def test_a_library_whose_pointers_are_not_all_read_is_refused():
    with pytest.raises(NotReplaceable, match="packed relocations"):
        find_sites(replace(library([RCPPS, ADD, RET]), packed=True))


def test_every_form_of_an_approximate_reciprocal_counts():
    names = set(CHOSEN_BY_VENDORS.values())
    assert {"RCPPS", "RSQRTSS", "VRCPPS", "VRSQRT14PD", "VRCPPH", "FSIN", "FPATAN", "PFRCP"} <= names
    assert not {"DIVPS", "SQRTPS", "FSQRT", "VSCALEFPS"} & names


SITE_PACKAGES = Path(getattr(find_spec("sapien"), "origin", None) or "./no/sapien").parents[1]
SIMULATOR = SITE_PACKAGES / "sapien.libs" / "libsapien.so"


@pytest.mark.maniskill
def test_what_is_kept_of_the_simulators_library_is_what_a_fresh_reading_finds():
    kept = json.loads(sites.KNOWN.read_text())["libraries"]
    assert checksum(SIMULATOR) in kept, (
        f"{SIMULATOR} is another library than those that are known: it is read anew by every process, which costs each "
        "of them a second; `python -m tools.vendor_instructions --keep` writes down what is found"
    )
    assert find_sites(read_library(SIMULATOR)) == sites.sites(SIMULATOR)


@pytest.mark.maniskill
def test_a_library_with_another_checksum_is_read_anew(tmp_path):
    """One byte more at its end changes no code, but it is another file."""
    other = tmp_path / "libsapien.so"
    other.write_bytes(SIMULATOR.read_bytes() + b"\0")
    assert checksum(other) != checksum(SIMULATOR)
    assert sites.sites(other) == sites.sites(SIMULATOR)


@pytest.mark.maniskill
def test_a_site_that_is_kept_wrong_is_seen(monkeypatch, tmp_path):
    """Negative control: a fresh reading is held against what is kept."""
    kept = json.loads(sites.KNOWN.read_text())
    del kept["libraries"][checksum(SIMULATOR)]["sites"][7]
    changed = tmp_path / "known.json"
    changed.write_text(json.dumps(kept))
    monkeypatch.setattr(sites, "KNOWN", changed)
    assert find_sites(read_library(SIMULATOR)) != sites.sites(SIMULATOR)
