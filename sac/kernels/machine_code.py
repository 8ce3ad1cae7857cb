"""From LLVM IR to machine code in this process."""

from __future__ import annotations

import llvmlite.binding as llvm
from llvmlite import ir

LEVELS = {"x86-64-v4": 16, "x86-64-v3": 8}
"""Instruction sets that code is made for, widest first, and the floats in one of their registers."""


def target(level: str) -> llvm.TargetMachine:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_triple("x86_64-unknown-linux-gnu").create_target_machine(cpu=level, opt=3, reloc="pic", codemodel="default")


def optimized(module: ir.Module, machine: llvm.TargetMachine) -> llvm.ModuleRef:
    module.triple = "x86_64-unknown-linux-gnu"
    module.data_layout = str(machine.target_data)
    parsed = llvm.parse_assembly(str(module))
    parsed.verify()
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=3))
    builder.getModulePassManager().run(parsed, builder)
    return parsed
