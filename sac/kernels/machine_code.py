"""The kernels as machine code in this process, compiled once for each kind of CPU and kept on disk."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from ctypes import CFUNCTYPE, c_void_p
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir

from sac.display.terminal import complain
from sac.kernels import layout, losses, optimizer, policy, products, runner
from sac.kernels.products import Ending, Tile

LEVELS = {
    "x86-64-v4": (Tile(8, 3, 16), ("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl")),
    "x86-64-v3": (Tile(4, 3, 8), ("avx2", "fma", "bmi2")),
}
"""Instruction sets that code is made for, widest first: what they hold in registers, and what a CPU must have."""
Announce = Callable[[str], None]
_TRIPLE = "x86_64-unknown-linux-gnu"
_ADDRESSES = [f"product_{ending.value}" for ending in Ending] + [
    *("row_product", "copy", "transpose", "sample_policy", "head_gradient", "critic_gradient", "actor_gradient"),
    *("through_value", "critic_report", "actor_report", "adam", "adam_target", "temperature", "nothing", "run"),
]


class Kernels:
    """The kernels' addresses, and the function that threads run a plan with.

    Args:
        level: one of `LEVELS`.
        folder: where machine code is kept; None keeps none.
        announce: told before a compilation.
    """

    def __init__(self, level: str, folder: Path | None = None, announce: Announce | None = None) -> None:
        self.level = level
        self._engine = loaded(object_code(level, folder, announce), level)
        self.addresses = {name: self._engine.get_function_address(name) for name in _ADDRESSES}
        self._functions = {name: CFUNCTYPE(None, c_void_p)(address) for name, address in self.addresses.items()}
        self.run: Callable[[int], None] = self._functions["run"]

    def call(self, kernel: str, *slots: int) -> None:
        """Run one operation in this thread."""
        operation = np.zeros(runner.SLOTS, np.int64)
        operation[: len(slots)] = slots
        self._functions[kernel](operation.ctypes.data)


@cache
def kernels(level: str) -> Kernels:
    """Return the kernels for an instruction set, compiled at most once on this machine, which standard error tells."""
    return Kernels(level, cache_folder(), complain)


def cache_folder() -> Path | None:
    """Return where machine code is kept: `sac-determinism` in the user's cache folder, if there is any."""
    given = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(given) if given else Path.home() / ".cache") / "sac-determinism"
    except RuntimeError:  # no home folder
        return None


def loaded(code: bytes, level: str) -> Any:
    """Return an engine that holds an object file's functions in this process."""
    module = llvm.parse_assembly("")
    module.triple = _TRIPLE
    engine = llvm.create_mcjit_compiler(module, target(level))
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine


def best_level() -> str | None:
    """Return the widest instruction set that this CPU has, or None if it has none of `LEVELS`."""
    features = llvm.get_host_cpu_features()
    return next((name for name, (_, needs) in LEVELS.items() if all(features.get(need) for need in needs)), None)


def target(level: str) -> Any:
    """Return LLVM's idea of a CPU with an instruction set, and of nothing else about it."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_triple(_TRIPLE).create_target_machine(cpu=level, opt=3, reloc="pic")


def intermediate(level: str) -> ir.Module:
    """Return all kernels as LLVM IR."""
    tile, _ = LEVELS[level]
    module = ir.Module("sac")
    for ending in Ending:
        products.product(module, tile, ending)
    products.row_product(module)
    layout.copy(module)
    layout.transpose(module)
    policy.sample_policy(module)
    policy.head_gradient(module)
    for loss in (losses.critic_gradient, losses.actor_gradient, losses.through_value):
        loss(module)
    losses.critic_report(module)
    losses.actor_report(module)
    optimizer.adam(module, target=False)
    optimizer.adam(module, target=True)
    optimizer.temperature(module)
    runner.nothing(module)
    runner.run(module)
    return module


def optimized(module: ir.Module, level: str) -> Any:
    """Return a module after LLVM's optimizations, none of which may change a bit."""
    machine = target(level)
    module.triple, module.data_layout = _TRIPLE, str(machine.target_data)
    parsed = llvm.parse_assembly(str(module))
    parsed.verify()
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=3))
    builder.getModulePassManager().run(parsed, builder)
    return parsed


def object_code(level: str, folder: Path | None, announce: Announce | None) -> bytes:
    """Return the kernels' object file for an instruction set, from the folder if it is there."""
    kept = folder / f"{level}-{_version()}.o" if folder is not None else None
    if kept is not None and (found := _read(kept)) is not None:
        return found
    if announce is not None:
        announce(f"sac: compiling the learner's kernels for {level}, once; the machine code is kept in {folder}")
    code: bytes = target(level).emit_object(optimized(intermediate(level), level))
    if kept is not None:
        _keep(kept, code)
    return code


def _version() -> str:
    """A digest of what the machine code depends on besides the instruction set: this package's text, LLVM's version."""
    texts = [path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))]
    return hashlib.sha256(b"\0".join([llvmlite.__version__.encode(), *texts])).hexdigest()[:16]


def _read(path: Path) -> bytes | None:
    """The code in a file that ends with its digest; None if it is not there, or not whole."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    code, end = content[:-32], content[-32:]
    return code if hashlib.sha256(code).digest() == end else None


def _keep(path: Path, code: bytes) -> None:
    """Write code and its digest; a folder that can't be written to costs the next process a compilation."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(code + hashlib.sha256(code).digest())
        os.replace(file.name, path)
    except OSError:
        return
