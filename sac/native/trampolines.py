"""The code that replaces an approximate reciprocal: what moved, the exact operation, and the jump back."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from iced_x86 import Code, Decoder, Encoder, Instruction, MemoryOperand, Register

from sac.native.sites import JUMP, Site

CONSTANTS = struct.pack("<4f", 1.0, 1.0, 1.0, 1.0)
"""What a site's code reads; its address must be a multiple of 16."""
_ROOM = 144
"""Bytes to step down the stack: 128 below its pointer belong to the running function, 16 hold a register."""
_BREAKPOINT = b"\xcc"
"""Fills the rest of the replaced bytes: nothing may run it."""
_XMM = tuple(getattr(Register, f"XMM{number}") for number in range(16))


def assemble(sites: Sequence[Site], base: int, at: int, constants: int, counters: int = 0) -> tuple[bytes, list[int]]:
    """Return the code for all sites of a library, to be placed at `at`, and where each site's code starts in it.

    Args:
        sites: what to replace.
        base: address of the library.
        at: address of the code.
        constants: address of `CONSTANTS`.
        counters: address of an 8-byte counter for each site, in order; 0 counts nothing.
    """
    encoder, offsets, written = Encoder(64), [], 0
    for number, site in enumerate(sites):
        offsets.append(written)
        for instruction in _block(site, base, constants, counters + 8 * number if counters else 0):
            written += encoder.encode(instruction, at + written)
    return encoder.take_buffer(), offsets


def jump_to(site: Site, base: int, trampoline: int) -> bytes:
    """Return the bytes that replace the site's own."""
    encoder = Encoder(64)
    encoder.encode(Instruction.create_branch(Code.JMP_REL32_64, trampoline), base + site.start)
    return encoder.take_buffer() + _BREAKPOINT * (len(site.code) - JUMP)


def _block(site: Site, base: int, constants: int, counter: int) -> Iterator[Instruction]:
    """The instructions of one site. Those that move keep what they point to: the encoder adapts their offsets."""
    if counter:
        yield from _count(counter)
    for instruction in Decoder(64, site.code, ip=base + site.start):
        if instruction.ip == base + site.address:
            yield from _exact(instruction, constants)
        else:
            yield instruction
    yield Instruction.create_branch(Code.JMP_REL32_64, base + site.start + len(site.code))


def _exact(instruction: Instruction, constants: int) -> Iterator[Instruction]:
    """1 / source, or 1 / sqrt(source), each operation rounded once; RFLAGS and all other registers stay."""
    into, source = instruction.op0_register, instruction.op1_register
    ones = Instruction.create_reg_mem(
        Code.MOVAPS_XMM_XMMM128, into, MemoryOperand(Register.RIP, displ=constants, displ_size=8)
    )
    # As whole numbers: to the type checker each of these enumerations has one member.
    root, same = int(instruction.code) == int(Code.RSQRTPS_XMM_XMMM128), int(into) == int(source)
    if not (root or same):
        yield ones
        yield Instruction.create_reg_reg(Code.DIVPS_XMM_XMMM128, into, source)
    else:
        spare = next(register for register in _XMM if register not in (into, source))
        prepare = Code.SQRTPS_XMM_XMMM128 if root else Code.MOVAPS_XMM_XMMM128
        yield _move_stack(-_ROOM)
        yield Instruction.create_mem_reg(Code.MOVUPS_XMMM128_XMM, MemoryOperand(Register.RSP), spare)
        yield Instruction.create_reg_reg(prepare, spare, source)
        yield ones
        yield Instruction.create_reg_reg(Code.DIVPS_XMM_XMMM128, into, spare)
        yield Instruction.create_reg_mem(Code.MOVUPS_XMM_XMMM128, spare, MemoryOperand(Register.RSP))
        yield _move_stack(_ROOM)


def _count(counter: int) -> Iterator[Instruction]:
    """Add one to a counter to which other threads and processes may add."""
    yield _move_stack(-_ROOM)
    yield Instruction.create(Code.PUSHFQ)
    place = MemoryOperand(Register.RIP, displ=counter, displ_size=8)
    addition = Instruction.create_mem(Code.INC_RM64, place)
    addition.has_lock_prefix = True
    yield addition
    yield Instruction.create(Code.POPFQ)
    yield _move_stack(_ROOM)


def _move_stack(by: int) -> Instruction:
    """Move the stack pointer with an instruction that keeps the flags."""
    place = MemoryOperand(Register.RSP, displ=by, displ_size=8)
    return Instruction.create_reg_mem(Code.LEA_R64_M, Register.RSP, place)
