"""Programs for the tests: a library that is written instruction by instruction, and code that can be called."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from iced_x86 import Code, Encoder, Instruction, MemoryOperand, Register

from sac.native import memory
from sac.native.library import Library, Section

TEXT, DATA = 0x1000, 0x8000
XMM = tuple(getattr(Register, f"XMM{number}") for number in range(16))


def xmm(code: int, into: int, source: int) -> Instruction:
    """An SSE instruction between two registers, by their numbers."""
    return Instruction.create_reg_reg(code, XMM[into], XMM[source])


def load(into: int, address: int) -> Instruction:
    """A load from data beside the instruction's own address."""
    place = MemoryOperand(Register.RIP, displ=address, displ_size=8)
    return Instruction.create_reg_mem(Code.MOVAPS_XMM_XMMM128, XMM[into], place)


RCPPS = xmm(Code.RCPPS_XMM_XMMM128, 2, 1)
ADD = xmm(Code.ADDPS_XMM_XMMM128, 3, 4)
NOP = Instruction.create(Code.NOPD)
RET = Instruction.create(Code.RETNQ)


def encode(instructions: Sequence[Instruction], at: int = TEXT) -> bytes:
    encoder, written = Encoder(64), 0
    for instruction in instructions:
        written += encoder.encode(instruction, at + written)
    return encoder.take_buffer()


def library(instructions: Sequence[Instruction], *, data: bytes = b"", pointers: Sequence[int] = ()) -> Library:
    """A library of one function."""
    return Library(
        Path("libtest.so"),
        (Section(".text", TEXT, encode(instructions)),),
        (Section(".rodata", DATA, data),),
        np.array([TEXT], np.int64),
        np.array(pointers, np.int64),
    )


@contextmanager
def in_memory(code: bytes) -> Iterator[int]:
    """Put code where it can be executed, with room for the replacements near it; yields its address."""
    with mmap.mmap(-1, mmap.PAGESIZE, prot=memory.WRITABLE) as page:
        page.write(code)
        handle = ctypes.c_char.from_buffer(page)
        try:
            memory.protect(ctypes.addressof(handle), mmap.PAGESIZE, memory.EXECUTABLE)
            yield ctypes.addressof(handle)
        finally:
            del handle
