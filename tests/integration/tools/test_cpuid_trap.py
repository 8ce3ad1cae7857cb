"""The CPUID trap's logic: what it presents, which instruction it answers, and what it says where it can't work."""

from __future__ import annotations

import ctypes
import os
import struct
import subprocess
import sys

import pytest

from tools.portability import machines
from tools.portability.machines import CPUID_MODELS, compile_trap, lacking, load_trap

FAMILIES = {  # family, model: what the vendors call these CPUs
    "haswell": (6, 0x3F, "GenuineIntel"),
    "skylake": (6, 0x55, "GenuineIntel"),
    "ice-lake": (6, 0x6A, "GenuineIntel"),
    "epyc-milan": (0x19, 0x01, "AuthenticAMD"),
    "epyc-genoa": (0x19, 0x11, "AuthenticAMD"),
}
AVX2, AVX512F, VNNI, FMA = 1 << 5, 1 << 16, 1 << 11, 1 << 12
ALL = 0xFFFFFFFF


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    path = tmp_path_factory.mktemp("cpuid") / "trap.so"
    trouble = compile_trap(path)
    if trouble.startswith("no C compiler"):
        pytest.skip(f"{trouble}: the trap can't be built, so its logic can't be tested")
    assert not trouble, trouble
    return path


@pytest.fixture(scope="module")
def trap(library):
    loaded = load_trap(library)
    loaded.cpuid_trap_find_model.restype = ctypes.c_void_p
    return loaded


def present(trap, model, leaf, subleaf=0, real=(ALL, ALL, ALL, ALL)):
    """What a model answers on a CPU that answers `real`."""
    registers = (ctypes.c_uint32 * 4)(*real)
    found = trap.cpuid_trap_find_model(model.encode())
    assert found, model
    trap.cpuid_trap_present(ctypes.c_void_p(found), ctypes.c_uint32(leaf), ctypes.c_uint32(subleaf), registers)
    return tuple(registers)


def family(signature):
    base, extended = signature >> 8 & 15, signature >> 20 & 0xFF
    return base + (extended if base == 15 else 0), (signature >> 4 & 15) | (signature >> 12 & 0xF0)


@pytest.mark.parametrize("model", CPUID_MODELS)
def test_a_model_says_who_it_is(trap, model):
    number, kind, vendor = FAMILIES[model]
    _, b, c, d = present(trap, model, 0)
    assert struct.pack("<III", b, d, c).decode() == vendor
    assert family(present(trap, model, 1)[0]) == (number, kind)
    name = b"".join(struct.pack("<IIII", *present(trap, model, 0x80000002 + part)) for part in range(3))
    assert name.rstrip(b"\0").decode().startswith("Intel" if vendor == "GenuineIntel" else "AMD EPYC")


@pytest.mark.parametrize("model", CPUID_MODELS)
def test_a_model_has_the_instructions_that_it_has(trap, model):
    _, ebx, ecx, _ = present(trap, model, 7)
    assert ebx & AVX2 and present(trap, model, 1)[2] & FMA
    assert bool(ebx & AVX512F) == (model in ("skylake", "ice-lake", "epyc-genoa"))
    assert bool(ecx & VNNI) == (model in ("ice-lake", "epyc-genoa"))


@pytest.mark.parametrize("model", CPUID_MODELS)
def test_no_model_claims_what_the_cpu_lacks(trap, model):
    assert present(trap, model, 7, real=(0, 0, 0, 0)) == (0, 0, 0, 0)
    assert present(trap, model, 1, real=(0, 0, 0, 0))[2:] == (0, 0)
    assert present(trap, model, 7, subleaf=1) == (0, 0, 0, 0), "AVX-VNNI, AMX and what else came later"


@pytest.mark.parametrize("model", CPUID_MODELS)
def test_caches_are_told_where_the_vendor_tells_them(trap, model):
    intel = FAMILIES[model][2] == "GenuineIntel"
    leaf, other = (4, 0x8000001D) if intel else (0x8000001D, 4)
    assert present(trap, model, other) == (0, 0, 0, 0)
    levels = []
    for subleaf in range(5):
        eax, ebx, ecx, _ = present(trap, model, leaf, subleaf)
        if eax & 31:
            levels.append((eax >> 5 & 7, (ecx + 1) * ((ebx >> 22) + 1) * ((ebx & 0xFFF) + 1)))
    assert [level for level, _ in levels] == [1, 1, 2, 3]
    assert all(size % 1024 == 0 for _, size in levels)
    assert levels[0][1] in (32 * 1024, 48 * 1024) and levels[3][1] > 1 << 24


def test_leaves_beyond_the_last_are_empty(trap):
    assert present(trap, "haswell", 0x1F) == (0, 0, 0, 0)
    assert present(trap, "haswell", 0x80000021) == (0, 0, 0, 0)


def test_leaves_without_a_rule_are_the_cpus_own(trap):
    assert present(trap, "skylake", 0xD, real=(1, 2, 3, 4)) == (1, 2, 3, 4)


def context_at(code):
    """A thread's registers as the kernel hands them to a handler (ucontext_t), stopped at these bytes."""
    context = (ctypes.c_ubyte * 4096)()
    registers = (ctypes.c_int64 * 23).from_buffer(context, 40)
    text = ctypes.create_string_buffer(code)
    registers[16] = ctypes.addressof(text)  # REG_RIP
    return context, registers, text


RBX, RDX, RAX, RCX, RIP = 11, 12, 13, 14, 16


def test_a_cpuid_is_answered_and_stepped_over(trap):
    context, registers, text = context_at(b"\x0f\xa2\x90")
    registers[RAX], registers[RCX], registers[RBX] = 0, 0, -1
    found = ctypes.c_void_p(trap.cpuid_trap_find_model(b"epyc-milan"))
    assert trap.cpuid_trap_answer(context, found) == 1
    assert registers[RIP] == ctypes.addressof(text) + 2
    words = [registers[at] for at in (RBX, RDX, RCX)]
    assert struct.pack("<qqq", *words).replace(b"\0", b"") == b"AuthenticAMD", "and the upper halves are zero"


@pytest.mark.parametrize("code", [b"\x0f\xa3\x90", b"\x90\x0f\xa2", b"\x0f\x0b\x90", b"\x8b\x00\x90"])
def test_another_fault_is_left_alone(trap, code):
    context, registers, text = context_at(code)
    registers[RAX] = 7
    assert trap.cpuid_trap_answer(context, ctypes.c_void_p(trap.cpuid_trap_find_model(b"haswell"))) == 0
    assert (registers[RIP], registers[RAX]) == (ctypes.addressof(text), 7)


def run(library, model, *command):
    environment = {**os.environ, "LD_PRELOAD": str(library)} | ({"CPUID_MODEL": model} if model else {})
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_model_that_is_not_in_the_table_is_refused(library):
    done = run(library, "pentium", sys.executable, "-c", "print('ran')")
    assert (done.returncode, done.stdout) == (97, "")
    assert "CPUID_MODEL names no model of the table: pentium" in done.stderr


def test_without_a_model_it_does_nothing(library):
    done = run(library, "", sys.executable, "-c", "print('ran')")
    assert (done.returncode, done.stdout, done.stderr) == (0, "ran\n", "")


def test_a_process_sees_the_model_or_is_told_why_it_can_not(library):
    """Where CPUID can be trapped: in the process, in its threads, in what it forks, and in what it starts anew."""
    program = """
import ctypes, os, subprocess, sys, threading
def vendor():
    from tools.portability.machines import NATIVE  # a true import, with files and all, works under the trap
    # push rbx; eax = ecx = 0; cpuid; eax = ecx; pop rbx; ret
    code = b"\\x53\\x31\\xc0\\x31\\xc9\\x0f\\xa2\\x89\\xc8\\x5b\\xc3"
    import mmap
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    return ctypes.CFUNCTYPE(ctypes.c_uint32)(address)().to_bytes(4, "little").decode()
if len(sys.argv) == 1:
    print("main", vendor(), flush=True)
    thread = threading.Thread(target=lambda: print("thread", vendor(), flush=True)); thread.start(); thread.join()
    if not (child := os.fork()):
        print("fork", vendor(), flush=True); os._exit(0)
    os.waitpid(child, 0)
    subprocess.run([sys.executable, __file__, "again"])
else:
    print("exec", vendor(), flush=True)
"""
    script = library.parent / "vendor.py"
    script.write_text(program)
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(machines.SOURCE.parents[3])}
        | {"LD_PRELOAD": str(library), "CPUID_MODEL": "epyc-milan"},
        capture_output=True,
        text=True,
        check=False,
    )
    if trouble := machines.trap_trouble(library):
        assert done.returncode == 97 and "can't trap CPUID (cpuid_fault)" in done.stderr
        assert "cpuid_fault" in trouble
    else:
        assert done.stdout.split() == ["main", "cAMD", "thread", "cAMD", "fork", "cAMD", "exec", "cAMD"], done.stderr


def test_a_cpu_that_lacks_instructions_can_not_stand_in():
    assert lacking("haswell", frozenset({"avx2", "fma"})) == ""
    assert lacking("skylake", frozenset({"avx2", "fma"})) == "this CPU lacks avx512f, avx512vl"
    assert "avx512_vbmi2" in lacking("epyc-genoa", frozenset({"avx2", "fma", "avx512f", "avx512vl"}))
