"""The code that takes an approximate reciprocal's place computes exactly, and disturbs nothing else."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from iced_x86 import Code, Instruction, MemoryOperand, Register

from sac.native import memory
from sac.native.approximate import approximations
from sac.native.library import Library, Section
from sac.native.sites import find_sites
from sac.native.trampolines import CONSTANTS, assemble, jump_to
from tests.unit.native.programs import ADD, RET, TEXT, XMM, encode, in_memory, library, xmm

KINDS = {"rcpps": Code.RCPPS_XMM_XMMM128, "rsqrtps": Code.RSQRTPS_XMM_XMMM128}
RED_ZONE = MemoryOperand(Register.RSP, displ=-128, displ_size=8)


def program(kind: str, into: int, source: int) -> list[Instruction]:
    """A function of (all 16 registers before, after) that returns the flags; its own red zone must survive."""
    place = lambda number, pointer: MemoryOperand(pointer, displ=16 * number, displ_size=8)  # noqa: E731
    loads = [Instruction.create_reg_mem(Code.MOVUPS_XMM_XMMM128, XMM[n], place(n, Register.RDI)) for n in range(16)]
    stores = [Instruction.create_mem_reg(Code.MOVUPS_XMMM128_XMM, place(n, Register.RSI), XMM[n]) for n in range(16)]
    return [
        *loads,
        Instruction.create_mem_reg(Code.MOV_RM64_R64, RED_ZONE, Register.RSI),
        # All flags that arithmetic sets: 0xFF - 0x80 overflows nothing but sets some; STC sets the carry.
        Instruction.create_reg_u32(Code.MOV_R32_IMM32, Register.EAX, 0xFF),
        Instruction.create_reg_u32(Code.CMP_RM32_IMM32, Register.EAX, 0xFFFFFFFF),
        xmm(KINDS[kind], into, source),
        Instruction.create_reg_reg(Code.MOVAPS_XMM_XMMM128, XMM[into], XMM[into]),
        Instruction.create(Code.PUSHFQ),
        Instruction.create_reg(Code.POP_R64, Register.RAX),
        Instruction.create_reg_mem(Code.MOV_R64_RM64, Register.RSI, RED_ZONE),
        *stores,
        RET,
    ]


@contextmanager
def patched(whole: Library, counting: bool = False) -> Iterator[tuple[int, int]]:
    """A program with its reciprocal replaced: where it lies, and where its counter does."""
    (site,) = find_sites(whole)
    with in_memory(whole.code[0].data) as address:
        base = address - TEXT
        data = memory.room_near(address, mmap.PAGESIZE)
        memory.write(data, CONSTANTS)
        at = memory.room_near(address, mmap.PAGESIZE)
        code, (offset,) = assemble([site], base, at, data, data + 64 if counting else 0)
        memory.write(at, code)
        memory.protect(at, mmap.PAGESIZE, memory.EXECUTABLE)
        memory.write_code({base + site.start: jump_to(site, base, at + offset)})
        yield address, data + 64


def call(address: int, registers: np.ndarray) -> tuple[np.ndarray, int]:
    """Registers (16, 4) float32 after the call, and the flags."""
    after = np.zeros_like(registers)
    function = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p, ctypes.c_void_p)(address)
    return after, function(registers.ctypes.data, after.ctypes.data)


def exact(kind: str, x: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.float32(1) / (np.sqrt(x) if kind == "rsqrtps" else x)


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(((a.view(np.uint32) == b.view(np.uint32)) | (np.isnan(a) & np.isnan(b))).all())


registers = st.integers(0, 15)
floats = arrays(np.float32, (16, 4), elements=st.floats(width=32))


@given(st.sampled_from(sorted(KINDS)), registers, registers, floats)
def test_every_pair_of_registers_gets_the_exact_result_and_no_other_changes(kind, into, source, before):
    instructions = program(kind, into, source)
    with patched(library(instructions)) as (address, _):
        after, flags = call(address, before)
    expected = before.copy()
    expected[into] = exact(kind, before[source])
    assert same_bits(after, expected)
    with in_memory(encode(instructions)) as untouched:
        assert flags == call(untouched, before)[1]


@pytest.mark.parametrize("kind", KINDS)
def test_the_cpus_own_result_is_another(kind):
    """Negative control: without the replacement the same program gives other bits, unless the CPU is emulated."""
    before = np.linspace(0.5, 2, 64, dtype=np.float32).reshape(16, 4)
    if same_bits(approximations(before[1])[kind], exact(kind, before[1])):
        pytest.skip("this CPU is emulated, and computes its approximations exactly")
    with in_memory(encode(program(kind, 2, 1))) as address:
        assert not same_bits(call(address, before)[0][2], exact(kind, before[1]))


@pytest.mark.parametrize("kind", KINDS)
def test_each_time_a_site_is_reached_is_counted_and_changes_nothing_else(kind):
    before = np.linspace(0.5, 2, 64, dtype=np.float32).reshape(16, 4)
    with patched(library(program(kind, 2, 1))) as (address, _):
        expected = call(address, before)
    with patched(library(program(kind, 2, 1)), counting=True) as (address, counter):
        found = [call(address, before) for _ in range(3)]
        assert int.from_bytes(memory.read(counter, 8), "little") == 3
    assert all(same_bits(after, expected[0]) and flags == expected[1] for after, flags in found)


def test_what_moves_still_reads_from_where_it_did():
    """The neighbour reads data beside the function; from the trampoline that lies at another distance."""
    instructions = program("rcpps", 2, 1)
    position = next(n for n, one in enumerate(instructions) if one.code == KINDS["rcpps"]) + 1
    constant = TEXT + 2048
    instructions[position] = Instruction.create_reg_mem(
        Code.MOVUPS_XMM_XMMM128, XMM[9], MemoryOperand(Register.RIP, displ=constant, displ_size=8)
    )
    numbers = np.array([3, 1, 4, 1], np.float32)
    code = Section(".text", TEXT, encode(instructions).ljust(2048, b"\0") + numbers.tobytes())
    with patched(replace(library(instructions), code=(code,))) as (address, _):
        assert same_bits(call(address, np.ones((16, 4), np.float32))[0][9], numbers)


def test_what_is_left_of_the_displaced_bytes_stops_whoever_runs_it():
    whole = library([xmm(KINDS["rcpps"], 2, 1), ADD, ADD, RET])
    (site,) = find_sites(whole)
    assert jump_to(site, 0x10000, 0x12000)[5:] == b"\xcc" * (len(site.code) - 5)
