"""Exact reciprocals in the simulator, for the portable profile.

PhysX computes with `rcpps` and `rsqrtps`, whose results differ between Intel and AMD: StackCube runs on one and the
other diverge after 35 env steps. Here each of them becomes a division (and a square root), and IEEE 754 defines every
bit of those. This changes the memory of the process that has loaded SAPIEN; no file is touched.
"""

from __future__ import annotations

import importlib.metadata
import mmap
import os
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sac.native import memory
from sac.native.errors import NotReplaceable

if TYPE_CHECKING:
    from sac.native.sites import Site

LIBRARY = "libsapien"
"""Prefix of the file name of the simulator's library."""
COUNTS = "SAC_COUNT_RECIPROCALS"
"""Variable that names a file of 8-byte counters, in which every process counts how often it reaches each site."""


@dataclass(frozen=True)
class _Patch:
    """What has been done to one library.

    Attributes:
        before: address -> bytes, as they were.
        after: the same places, as they are now.
        trampolines: address of the exact code, and the code.
        counters: address and size of the counters; address 0 if nothing is counted.
    """

    before: dict[int, bytes]
    after: dict[int, bytes]
    trampolines: tuple[int, bytes]
    counters: tuple[int, int]


_wanted = False
_unusable = ""
"""Why the simulator's code must not run any more, after a change of it failed half way."""
_patches: dict[Path, _Patch] = {}


def install(wanted: bool) -> None:
    """Have the simulator compute exactly in this process, or as SAPIEN does; it may be loaded before or after.

    No thread may step a simulation meanwhile.

    Args:
        wanted: compute exactly.

    Raises:
        NotReplaceable: SAPIEN holds an instruction that can't be replaced, or the system forbids replacing it.
    """
    global _wanted
    _wanted = wanted
    simulator_loaded()


def simulator_loaded() -> None:
    """Do what `install` was told, once SAPIEN is imported; do nothing if it is not, or if that is done.

    Raises:
        NotReplaceable: see `install`; or SAPIEN is imported, but its library is not found.
    """
    libraries = memory.loaded(LIBRARY)
    if _wanted and not libraries and "sapien" in sys.modules:
        raise NotReplaceable(_refusal(Path(LIBRARY), "it is loaded under another name, so its code can't be found"))
    for path, base in libraries.items():
        if path not in _patches:
            if not _wanted:
                continue
            _patches[path] = _prepare(path, base)
        _switch(path, _patches[path])


def _switch(path: Path, patch: _Patch) -> None:
    """Make the library's code jump to the exact operations, or restore it."""
    global _unusable
    now, other = (patch.after, patch.before) if _wanted else (patch.before, patch.after)
    if _holds(now):
        return
    if not _holds(other):
        raise NotReplaceable(f"the code of {path} in memory is not that of the file: something else has changed it")
    try:
        memory.write_code(now)
    except NotReplaceable as error:
        _unusable = _refusal(path, str(error))
        raise NotReplaceable(_unusable) from error


def is_wanted() -> bool:
    """Whether this process should compute exactly."""
    return _wanted


def is_installed() -> bool | None:
    """Whether each such instruction of this process's simulator is replaced, read from memory; None without one."""
    libraries = memory.loaded(LIBRARY)
    return all(path in _patches and _is_in_place(_patches[path]) for path in libraries) if libraries else None


def require() -> None:
    """Refuse to step a simulator that does not compute as `install` was told.

    Raises:
        NotReplaceable: it does not, or its code was left half changed.
    """
    if _unusable:
        raise NotReplaceable(_unusable)
    replaced = any(patch.after and _is_in_place(patch) for patch in _patches.values())
    if is_installed() is not True if _wanted else replaced:
        raise NotReplaceable(
            f"{LIBRARY} in process {os.getpid()} computes with {'the' if _wanted else 'none of the'} CPU's own "
            f"approximate reciprocals, and {'must not' if _wanted else 'should'}: something changed its code"
        )


def _is_in_place(patch: _Patch) -> bool:
    return _holds(patch.after) and _holds(dict([patch.trampolines]))


def _holds(code: dict[int, bytes]) -> bool:
    """Whether memory holds these bytes at these addresses."""
    return all(memory.read(address, len(wanted)) == wanted for address, wanted in code.items())


def _prepare(path: Path, base: int) -> _Patch:
    from sac.native.sites import sites

    try:
        return _build(sites(path), base)
    except (NotReplaceable, OSError, ValueError) as error:
        raise NotReplaceable(_refusal(path, str(error))) from error


def _refusal(path: Path, reason: str) -> str:
    return (
        f"--numerics portable promises the same bits on any x86-64 CPU, and with this simulator ({path.name} of "
        f"sapien {version()}) it can't: {reason}. --numerics deterministic leaves the simulator as it is"
    )


def version() -> str:
    """Return the installed version of SAPIEN."""
    try:
        return importlib.metadata.version("sapien")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def _build(found: tuple[Site, ...], base: int) -> _Patch:
    """Write the exact code near the library and make it executable; nothing jumps there yet.

    Raises:
        NotReplaceable: the library in memory is not that of the file, or there is no room near it.
    """
    # Load the decoder only when needed: `deterministic` does not need it.
    from sac.native.trampolines import CONSTANTS, assemble, jump_to

    if not found:
        return _Patch({}, {}, (0, b""), (0, 0))
    before = {base + site.start: site.code for site in found}
    constants = memory.room_near(base, len(CONSTANTS))
    memory.write(constants, CONSTANTS)
    memory.protect(constants, mmap.PAGESIZE, mmap.PROT_READ)
    counters = _counters(len(found), base)
    size = len(assemble(found, base, base, base, base if counters else 0)[0])
    at = memory.room_near(base, size)
    code, offsets = assemble(found, base, at, constants, counters)
    memory.write(at, code)
    memory.protect(at, size, memory.EXECUTABLE)
    after = {base + site.start: jump_to(site, base, at + offset) for site, offset in zip(found, offsets, strict=True)}
    return _Patch(before, after, (at, code), (counters, 8 * len(found)))


def read_counts(file: Path) -> tuple[int, ...]:
    """Return how often processes for which `COUNTS` named this file reached each site; empty if none did."""
    data = file.read_bytes() if file.exists() else b""
    return struct.unpack(f"<{len(data) // 8}Q", data)


@contextmanager
def uncounted() -> Iterator[None]:
    """Count nothing within the block. No other process may step a simulation meanwhile."""
    kept = {patch.counters: memory.read(*patch.counters) for patch in _patches.values() if patch.counters[0]}
    try:
        yield
    finally:
        for (address, _), values in kept.items():
            memory.write(address, values)


def _counters(count: int, base: int) -> int:
    """Map the file of counters near the library; return 0 if nothing is counted."""
    name = os.environ.get(COUNTS)
    if not name:
        return 0
    with open(name, "ab") as file:
        os.ftruncate(file.fileno(), max(8 * count, os.fstat(file.fileno()).st_size))
    with open(name, "r+b") as file:
        return memory.room_near(base, 8 * count, file.fileno())
