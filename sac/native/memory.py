"""The memory of this process: where a library is, room near it, and which pages may be written or executed.

No page is ever writable and executable at once.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import mmap
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sac.native.errors import NotReplaceable

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.mmap.restype = ctypes.c_void_p
_LIBC.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long)
_LIBC.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
_LIBC.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
_FIXED_NOREPLACE = 0x100000
_FAILED = ctypes.c_void_p(-1).value
_REACH = 1 << 30
"""Half the reach of a near jump: both ends of a library are then within reach."""
EXECUTABLE = mmap.PROT_READ | mmap.PROT_EXEC
WRITABLE = mmap.PROT_READ | mmap.PROT_WRITE


class _LoadedObject(ctypes.Structure):
    """The first fields of dl_phdr_info."""

    _fields_ = (("address", ctypes.c_size_t), ("name", ctypes.c_char_p))


_VISIT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_LoadedObject), ctypes.c_size_t, ctypes.c_void_p)


@dataclass(frozen=True)
class Mapping:
    """One line of /proc/self/maps."""

    start: int
    stop: int
    flags: str
    offset: int
    path: str


def mappings() -> Iterator[Mapping]:
    """Yield the mappings of this process, by ascending address."""
    with open("/proc/self/maps", errors="surrogateescape") as lines:
        for line in lines:
            bounds, flags, offset, _, _, *path = line.rstrip("\n").split(maxsplit=5)
            start, stop = (int(bound, 16) for bound in bounds.split("-"))
            yield Mapping(start, stop, flags, int(offset, 16), path[0] if path else "")


def loaded(prefix: str) -> dict[Path, int]:
    """Return this process's libraries whose file name begins with `prefix`: path -> offset of their addresses.

    This asks the dynamic linker, by dl_iterate_phdr(3): a file may also be mapped as data, or be gone since.
    """
    found: dict[Path, int] = {}

    def note(entry: Any, size: int, data: Any) -> int:
        path = os.fsdecode(entry.contents.name or b"")
        if os.path.basename(path).startswith(prefix):
            found[Path(path)] = entry.contents.address or 0
        return 0

    _LIBC.dl_iterate_phdr(_VISIT(note), None)
    return found


def room_near(address: int, size: int, shared: int | None = None) -> int:
    """Map `size` writable bytes within reach of a near jump from `address`.

    Args:
        address: where the jumps come from.
        size: bytes, rounded up to pages.
        shared: descriptor of a file to map, shared by all processes; None for memory of this process alone.

    Raises:
        NotReplaceable: there is no room.
    """
    flags = _FIXED_NOREPLACE | (mmap.MAP_SHARED if shared is not None else mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    size = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
    for place in _gaps(address, size):
        found = _LIBC.mmap(place, size, WRITABLE, flags, -1 if shared is None else shared, 0)
        if found == place:
            return place
        if found != _FAILED:
            # A kernel older than 4.17 treats the address as a hint.
            _LIBC.munmap(found, size)
    raise NotReplaceable(f"no {size} bytes are free within reach of {address:#x}: {os.strerror(ctypes.get_errno())}")


def _gaps(address: int, size: int) -> list[int]:
    """Return free places of `size` bytes, nearest first."""
    pairs = [(low.stop, high.start - size) for low, high in itertools.pairwise(mappings())]
    places = {place for first, last in pairs if first <= last for place in (first, last)}
    return sorted((p for p in places if abs(p - address) < _REACH), key=lambda place: abs(place - address))


def read(address: int, count: int) -> bytes:
    """Copy bytes of this process's memory."""
    return ctypes.string_at(address, count)


def write(address: int, data: bytes) -> None:
    """Copy bytes into writable memory."""
    ctypes.memmove(address, data, len(data))


def write_code(changes: dict[int, bytes]) -> None:
    """Change code that nobody runs meanwhile: address -> new bytes. Its pages are writable only during the call.

    Raises:
        NotReplaceable: the system forbids it. Everything is restored if possible. A page that can't become executable
            again is lost, so the caller must not run this code again.
    """
    pages = sorted({page for address, code in changes.items() for page in _pages(address, len(code))})
    kept = {address: read(address, len(code)) for address, code in changes.items()}
    _change_use(pages, WRITABLE, otherwise=EXECUTABLE)
    for address, code in changes.items():
        write(address, code)
    try:
        _change_use(pages, EXECUTABLE, otherwise=WRITABLE)
    except NotReplaceable:
        for address, code in kept.items():
            write(address, code)
        for page in pages:
            with contextlib.suppress(NotReplaceable):
                protect(page, mmap.PAGESIZE, EXECUTABLE)
        raise


def _change_use(pages: Sequence[int], wanted: int, otherwise: int) -> None:
    """Give all pages one protection; if that fails for one, give those before it the other again."""
    done: list[int] = []
    try:
        for page in pages:
            protect(page, mmap.PAGESIZE, wanted)
            done.append(page)
    except NotReplaceable:
        for page in done:
            protect(page, mmap.PAGESIZE, otherwise)
        raise


def _pages(address: int, count: int) -> range:
    first = address // mmap.PAGESIZE * mmap.PAGESIZE
    return range(first, address + count, mmap.PAGESIZE)


def protect(address: int, size: int, protection: int) -> None:
    """Set the protection of whole pages.

    Raises:
        NotReplaceable: the system forbids it.
    """
    if _LIBC.mprotect(address, size, protection):
        reason = os.strerror(ctypes.get_errno())
        raise NotReplaceable(f"the system does not let this process change its own code ({reason}: mprotect)")
