"""The CPUs that one machine can pretend to be, for `tools.portability`; a row more is a line more.

Four ways, from the weakest to the strongest pretence: variables that libraries heed, glibc's tunables (which of its own
variants it takes), a trap on the CPUID instruction (all code believes in another model, at full speed), and qemu-user,
which executes every instruction itself, its approximate reciprocals included.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

QEMU = "qemu-x86_64"
SOURCE = Path(__file__).parent / "cpuid" / "trap.c"
CPUID_MODELS = ("haswell", "skylake", "ice-lake", "epyc-milan", "epyc-genoa")
QEMU_MODELS = ("Haswell", "EPYC-Milan")
"""An Intel and an AMD CPU with AVX2; AVX-512 is not in qemu's emulation."""
NO_AVX512 = ",".join(f"-AVX512{part}" for part in ("F", "CD", "BW", "DQ", "VL"))


@dataclass(frozen=True)
class Machine:
    """One row of the matrix.

    Attributes:
        name: of the row.
        prefix: what goes before the command.
        environment: variables that are set for it.
        missing: why the row can't be run here; empty where it can.
        slow: hundreds of times slower than this CPU.
    """

    name: str
    prefix: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    missing: str = ""
    slow: bool = False


NATIVE = Machine("this CPU")


def machines(build: Path) -> list[Machine]:
    """All rows but the one of this CPU; what has to be compiled for them goes into `build`."""
    return [*_caps(), *_glibc(), *_trapped(build), *_emulated()]


def _caps() -> list[Machine]:
    """What a caller's shell may export: the profile must override its own variables, and the others must not matter."""
    low = {"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "SSE4_2", "ONEDNN_MAX_CPU_ISA": "SSE41"}
    high = {"ATEN_CPU_CAPABILITY": "avx512", "MKL_CBWR": "AUTO", "ONEDNN_MAX_CPU_ISA": "DEFAULT"}
    instructions = {"MKL_ENABLE_INSTRUCTIONS": "AVX2", "DNNL_MAX_CPU_ISA": "AVX2", "OPENBLAS_CORETYPE": "Zen"}
    return [
        Machine("caps: lowest", environment=low),
        Machine("caps: highest", environment=high),
        Machine("caps: MKL, oneDNN, OpenBLAS", environment=instructions),
    ]


def _glibc() -> list[Machine]:
    tunables = {"without AVX-512": NO_AVX512, "without ERMS, FSRM": f"{NO_AVX512},-ERMS,-FSRM"}
    return [
        Machine(f"glibc {name}", environment={"GLIBC_TUNABLES": f"glibc.cpu.hwcaps={caps}"})
        for name, caps in tunables.items()
    ]


def _emulated() -> list[Machine]:
    absent = "" if shutil.which(QEMU) else f"{QEMU} is not installed; on Debian or Ubuntu: apt-get install qemu-user"
    return [Machine(f"qemu {model}", (QEMU, "-cpu", model), missing=absent, slow=True) for model in QEMU_MODELS]


def _trapped(build: Path) -> list[Machine]:
    library = build / "cpuid_trap.so"
    trouble = compile_trap(library) or trap_trouble(library)
    rows = []
    for model in CPUID_MODELS:
        environment = {"LD_PRELOAD": str(library), "CPUID_MODEL": model}
        if model in ("haswell", "epyc-milan"):
            # The dynamic linker chooses glibc's variants before any object of ours is there.
            environment["GLIBC_TUNABLES"] = f"glibc.cpu.hwcaps={NO_AVX512}"
        rows.append(Machine(f"cpuid {model}", environment=environment, missing=trouble or lacking(model)))
    return rows


def compile_trap(library: Path) -> str:
    """Build the object that traps CPUID; returns what was in the way."""
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        return "no C compiler; on Debian or Ubuntu: apt-get install gcc libc6-dev"
    flags = ["-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-fvisibility=hidden", "-Wl,-z,initfirst"]
    command = [compiler, *flags, str(SOURCE), "-o", str(library)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return f"{SOURCE.name} does not compile: {done.stderr.strip()}" if done.returncode else ""


def trap_trouble(library: Path) -> str:
    """Why CPUID can't be trapped here; asked in a process of its own, since the answer changes the process."""
    program = "import ctypes, sys; print(ctypes.CDLL(sys.argv[1]).cpuid_trap_trouble())"
    done = subprocess.run([sys.executable, "-c", program, library], capture_output=True, text=True, check=False)
    if done.returncode:
        return f"asking the kernel for it failed with status {done.returncode}: {done.stderr.strip()[-200:]}"
    number = int(done.stdout)
    if number == 0:
        return ""
    return f"this CPU or kernel offers no cpuid_fault ({os.strerror(number)})"


def lacking(model: str, flags: frozenset[str] | None = None) -> str:
    """Why this CPU can't stand in for a model: it lacks instructions that the model would use."""
    wanted = {"avx2", "fma"} | ({"avx512f", "avx512vl"} if model in ("skylake", "ice-lake", "epyc-genoa") else set())
    wanted |= {"avx512_vbmi2", "vaes"} if model in ("ice-lake", "epyc-genoa") else set()
    missing = sorted(wanted - (cpu_flags() if flags is None else flags))
    return f"this CPU lacks {', '.join(missing)}" if missing else ""


def cpu_flags() -> frozenset[str]:
    """The features of this CPU, as the kernel names them."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line.split(":", 1)[1].split() for line in lines if line.startswith("flags")), ()))


def load_trap(library: Path) -> ctypes.CDLL:
    """The compiled object, as a library; without CPUID_MODEL in the environment it traps nothing."""
    return ctypes.CDLL(str(library))
