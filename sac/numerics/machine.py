"""What this machine is, as far as bits depend on it: cores, CPU, MKL's code branch, versions of libraries."""

from __future__ import annotations

import os
import platform

LIBRARIES = ("torch", "numpy", "mani_skill", "sapien")
"""The libraries that compute."""

FIXED_ORDER = "fixed order"
"""The name in fingerprints of the project's CPU kernels, whose bits do not depend on the number of threads."""

CBWR_BRANCH, CBWR_COMPATIBLE = 1, 3
"""MKL_CBWR_BRANCH and MKL_CBWR_COMPATIBLE of mkl_types.h."""


def usable_cores(quota_file: str = "/sys/fs/cgroup/cpu.max") -> int:
    """Count the cores that this process may use: its CPU affinity, limited by its container's quota (cgroup v2)."""
    cores = len(os.sched_getaffinity(0))
    try:
        with open(quota_file) as file:
            quota, period = file.read().split()
        return max(1, min(cores, int(quota) // int(period)))
    except (OSError, ValueError):  # no cgroup v2, or its quota is the word "max"
        return cores


def available_memory(root: str = "/") -> int:
    """Return the bytes of memory that are free for new processes, limited by their container (cgroup v2)."""
    with open(os.path.join(root, "proc/meminfo")) as file:
        lines = dict(line.split(":", 1) for line in file)
    free = int(lines["MemAvailable"].split()[0]) * 1024
    try:
        with open(os.path.join(root, "sys/fs/cgroup/memory.max")) as most:
            limit = int(most.read())
        with open(os.path.join(root, "sys/fs/cgroup/memory.current")) as used:
            return max(0, min(free, limit - int(used.read())))
    except (OSError, ValueError):  # no cgroup v2, or its limit is the word "max"
        return free


def mkl_branch() -> int | None:
    """Return the code branch that MKL inside torch has taken; None if torch is built without MKL."""
    import ctypes

    import torch

    library = os.path.join(os.path.dirname(torch.__file__), "lib", "libtorch_cpu.so")
    try:
        return int(ctypes.CDLL(library).mkl_serv_cbwr_get(CBWR_BRANCH))
    except (OSError, AttributeError):
        return None


def cpu_model() -> str:
    """Return vendor, family, model, stepping and name of the CPU, as the kernel reports them."""
    fields: dict[str, str] = {}
    try:
        with open("/proc/cpuinfo") as lines:
            for line in lines:
                name, _, value = line.partition(":")
                fields.setdefault(name.strip(), value.strip())
    except OSError:
        return platform.processor() or platform.machine()
    parts = (fields.get(name, "?") for name in ("vendor_id", "cpu family", "model", "stepping", "model name"))
    return "/".join(parts)


def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that compute."""
    return {name: version_of(name) for name in LIBRARIES}


def version_of(library: str) -> str:
    """Return the installed version of a library, or `absent`."""
    # Every command passes by this module, and most of them ask for no version.
    import importlib.metadata

    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return "absent"
