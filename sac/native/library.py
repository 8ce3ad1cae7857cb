"""A native library on disk: its code, the starts of its functions, and what may point into it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from elftools.elf.elffile import ELFFile

_ALLOCATED, _EXECUTABLE = 0x2, 0x4
_HEADER_OF_FUNCTIONS = bytes((1, 0x1B, 0x03, 0x3B))
"""Version and encodings of an .eh_frame_hdr whose table holds 32-bit offsets, as every linker for x86-64 writes it."""


@dataclass(frozen=True)
class Section:
    """A part of a library, at the address for which it was linked."""

    name: str
    address: int
    data: bytes


@dataclass(frozen=True)
class Library:
    """The parts of a library that the search for instructions needs.

    Attributes:
        path: the file.
        code: sections that can be executed.
        constants: sections of data, which hold jump tables.
        functions: starts of functions (F,) int64, ascending, from the unwinder's index.
        pointers: addresses that the dynamic linker writes somewhere, in no order (P,) int64.
        packed: there are more of these, in a table of another form (SHT_RELR).
    """

    path: Path
    code: tuple[Section, ...]
    constants: tuple[Section, ...]
    functions: np.ndarray
    pointers: np.ndarray
    packed: bool = False


def read_library(path: Path) -> Library:
    """Read an ELF file for x86-64.

    Raises:
        ValueError: it is another kind of file.
    """
    with path.open("rb") as file:
        elf = ELFFile(file)
        if elf.get_machine_arch() != "x64":
            raise ValueError(f"{path}: made for {elf.get_machine_arch()}, not for x86-64")
        sections = [section for section in elf.iter_sections() if section["sh_flags"] & _ALLOCATED]
        filled = [section for section in sections if section["sh_type"] != "SHT_NOBITS"]
        code = [s for s in filled if s["sh_flags"] & _EXECUTABLE]
        constants = [s for s in filled if not s["sh_flags"] & _EXECUTABLE and s["sh_type"] == "SHT_PROGBITS"]
        packed = any(section["sh_type"] == "SHT_RELR" for section in filled)
        return Library(path, _read(code), _read(constants), _functions(elf), _pointers(filled), packed)


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _read(sections: Sequence[Any]) -> tuple[Section, ...]:
    return tuple(Section(section.name, section["sh_addr"], section.data()) for section in sections)


def _functions(elf: ELFFile) -> np.ndarray:
    """Return the unwinder's index of functions; empty if it lacks the usual form."""
    index = elf.get_section_by_name(".eh_frame_hdr")
    if index is None or index.data()[:4] != _HEADER_OF_FUNCTIONS:
        return np.empty(0, np.int64)
    data = index.data()
    count = int.from_bytes(data[8:12], "little")
    return np.frombuffer(data, "<i4", 2 * count, 12)[::2].astype(np.int64) + index["sh_addr"]


def _pointers(sections: Sequence[Any]) -> np.ndarray:
    """Return the addends of relocations, to which the dynamic linker adds the library's own address."""
    tables = [np.frombuffer(s.data(), "<i8").reshape(-1, 3)[:, 2] for s in sections if s["sh_type"] == "SHT_RELA"]
    return np.concatenate(tables) if tables else np.empty(0, np.int64)
