"""Kernels of a test's own, and matrices for those of the package."""

from ctypes import CFUNCTYPE, c_float, c_void_p

import numpy as np
import pytest
from llvmlite import ir

from sac.kernels import machine_code
from sac.kernels.machine_code import LEVELS
from sac.kernels.plan import Matrix, Memory, padded
from sac.kernels.runner import SLOTS

HERE = machine_code.best_level()
OFFERED = list(LEVELS)[list(LEVELS).index(HERE) :] if HERE else []
each_level = pytest.mark.parametrize(
    "level",
    [
        pytest.param(level, marks=[] if level in OFFERED else pytest.mark.skip(reason=f"this CPU is no {level}"))
        for level in LEVELS
    ],
)


def call(address, *slots):
    """Run one operation."""
    operation = np.zeros(SLOTS, np.int64)
    operation[: len(slots)] = slots
    CFUNCTYPE(None, c_void_p)(address)(operation.ctypes.data)


def compiled(level, write):
    """The address of the only kernel of a module that `write` writes, and what keeps it."""
    module = ir.Module("test")
    write(module)
    machine = machine_code.target(level)
    engine = machine_code.loaded(machine.emit_object(machine_code.optimized(module, level)), level)
    return engine.get_function_address("test"), engine


class Filled:
    """Padded matrices, and NumPy's view of what they hold; padding is NaN, so that whoever reads it is found out."""

    def __init__(self):
        self.memory = Memory()

    def matrix(self, values, fill=np.nan):
        rows, columns = values.shape
        made = self.memory.matrix(rows, columns)
        floats = (c_float * (padded(rows, 8) * made.stride)).from_address(made.address)
        whole = np.ctypeslib.as_array(floats).reshape(-1, made.stride)
        whole[:] = fill
        whole[:rows, :columns] = values
        return made, whole[:rows, :columns]


__all__ = ["Filled", "Matrix", "call", "compiled", "each_level"]
