"""Machine code: LLVM may neither contract nor reorder nor approximate, and a kept file is used only if it is whole."""

import re

import pytest
from llvmlite import ir

from sac.kernels import machine_code
from sac.kernels.code import kernel
from sac.kernels.machine_code import Kernels, cache_folder, intermediate, object_code, optimized, target
from tests.unit.kernels.native import each_level

LOOSE = re.compile(r"\b(fast|reassoc|contract|arcp|afn|nnan|ninf|nsz)\b")
"""LLVM's flags that let it compute something else."""
GUESSES = re.compile(r"\bvr(cp|sqrt)\w+")
"""Instructions whose results a CPU's vendor chooses."""


def assembly(module, level):
    return target(level).emit_assembly(optimized(module, level))


def multiply_add(flags):
    """A module with a * b + c as two operations."""
    module = ir.Module("test")
    code = kernel(module, "test")
    a, b, c = (code.load(code.address(0), n) for n in range(3))
    total = code.builder.fadd(code.builder.fmul(a, b, flags=flags), c, flags=flags)
    code.store(total, code.address(0), 3)
    code.end()
    return module


@each_level
@pytest.mark.parametrize("flags, fused", [((), False), (("contract",), True)])
def test_two_operations_stay_two_unless_a_flag_allows_one(level, flags, fused):
    """The second is the negative control: this is what a kernel with a loose flag would become."""
    text = assembly(multiply_add(flags), level)
    assert ("vfmadd" in text) == fused and ("vmulss" in text) != fused
    assert bool(LOOSE.search(str(multiply_add(flags)))) == fused


@each_level
def test_no_operation_of_the_kernels_has_a_loose_flag(level):
    module = intermediate(level)
    operations = [line for line in str(optimized(module, level)).splitlines() if re.search(r"= (f|call)", line)]
    assert len(operations) > 300
    assert not [line for line in operations if LOOSE.search(line)]


@each_level
def test_the_assembly_fuses_where_it_is_told_to_and_approximates_nothing(level):
    text = assembly(intermediate(level), level)
    assert not GUESSES.search(text)
    tile, _ = machine_code.LEVELS[level]
    register = {16: "zmm", 8: "ymm"}[tile.lanes]
    loops = [block for block in re.split(r"^\.LBB", text, flags=re.M) if block.count("vfmadd231ps") >= 8]
    products = [block for block in loops if block.count("vbroadcastss") >= tile.rows and register in block]
    assert len(products) >= tile.vectors
    assert not any(re.search(r"\bv(mul|add|sub)ps", block.partition("\tjne")[0]) for block in products)


@each_level
def test_kept_code_is_used_again_and_torn_code_is_not(level, tmp_path):
    said = []
    first = object_code(level, tmp_path, said.append)
    (path,) = tmp_path.iterdir()
    assert object_code(level, tmp_path, said.append) == first and len(said) == 1
    path.write_bytes(path.read_bytes()[:-40])
    assert object_code(level, tmp_path, said.append) == first and len(said) == 2
    assert Kernels(level, tmp_path, said.append).addresses["run"] and len(said) == 2


@each_level
def test_a_folder_that_cannot_be_written_to_costs_a_compilation_alone(level, tmp_path):
    (tmp_path / "file").write_text("")
    assert object_code(level, tmp_path / "file" / "folder", None)


def test_machine_code_is_kept_in_the_users_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "sac-determinism"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "sac-determinism"
