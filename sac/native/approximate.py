"""This CPU's own approximate reciprocals: they tell Intel's CPUs from AMD's."""

from __future__ import annotations

import ctypes
import mmap
import platform

import numpy as np

from sac.native import memory
from sac.native.errors import NotReplaceable

OPERATIONS = {"rcpps": 0x53, "rsqrtps": 0x52}
"""Name -> the byte that tells one instruction from the other."""
_LOOP = (
    "0f1007"  # movups xmm0, [rdi]
    "0f{:02x}c0"  # rcpps xmm0, xmm0
    "0f1106"  # movups [rsi], xmm0
    "4883c710"  # add rdi, 16
    "4883c610"  # add rsi, 16
    "48ffca"  # dec rdx
    "75ea"  # jnz, back to the first
    "c3"  # ret
)


def approximations(x: np.ndarray) -> dict[str, np.ndarray]:
    """Return name -> the CPU's result for each of x (4N,) float32; empty if this process can't run such code.

    Raises:
        ValueError: the length of x is 0 or not a multiple of 4.
    """
    if not len(x) or len(x) % 4:
        raise ValueError(f"{len(x)} numbers: these instructions take four at a time")
    if platform.machine() != "x86_64":
        return {}
    try:
        return {name: _run(bytes.fromhex(_LOOP.format(opcode)), x) for name, opcode in OPERATIONS.items()}
    except NotReplaceable:
        return {}


def _run(code: bytes, x: np.ndarray) -> np.ndarray:
    """Call these bytes as a function of (source, destination, count of vectors) on x (4N,) float32."""
    x = np.ascontiguousarray(x, np.float32)
    result = np.empty_like(x)
    with mmap.mmap(-1, mmap.PAGESIZE, prot=memory.WRITABLE) as page:
        page.write(code)
        handle = ctypes.c_char.from_buffer(page)
        try:
            address = ctypes.addressof(handle)
            memory.protect(address, mmap.PAGESIZE, memory.EXECUTABLE)
            function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)(address)
            function(x.ctypes.data, result.ctypes.data, len(x) // 4)
        finally:
            del handle
    return result
