"""Native threads that work through a plan together.

A plan is phases of items of operations. Threads take items from a phase one by one, and begin the next phase when all
have ended this one. An item writes what no other item of its phase reads or writes, so its thread does not matter.
"""

from __future__ import annotations

from llvmlite import ir

from sac.kernels.code import I32, I64, KERNEL, VOID, Code, Value, kernel

FUNCTION_SLOT, SLOTS = 16, 20
"""Where in an operation the address of its kernel lies, and the operation's length."""
COUNTER_WORDS, ARRIVALS_WORD = 32, 16
"""Counters of a phase: the next item, and in another cache line the threads that have ended it."""
_SPINS = 4096
"""Checks before a waiting thread lets others have the core."""


def nothing(module: ir.Module) -> None:
    """Write the kernel ``nothing``, for operations that are not due."""
    kernel(module, "nothing").end()


def run(module: ir.Module) -> None:
    """Write the function ``run``, which every thread calls with the same plan.

    Slots of the plan: operations, first operation of each item (one more than items), item after the last of each
    phase, phases, counters, threads.
    """
    code = kernel(module, "run")
    builder = code.builder
    operations, items, ends, counters = (code.address(n) for n in (0, 1, 2, 4))
    phases, threads = code.integer(3), code.integer(5)
    one = ir.Constant(I64, 1)

    def phase(p: Value) -> None:
        counter = code.at(counters, code.whole_mul(p, COUNTER_WORDS), I64)
        arrivals = code.at(counter, ARRIVALS_WORD, I64)
        end = code.load(ends, p, I64)
        take, work, done = (code.function.append_basic_block(name) for name in ("take", "work", "done"))
        builder.branch(take)
        builder.position_at_end(take)
        item = builder.atomic_rmw("add", counter, one, "monotonic")
        builder.cbranch(builder.icmp_signed("<", item, end), work, done)
        builder.position_at_end(work)
        last = code.load(items, code.whole_add(item, 1), I64)
        code.loop(last, lambda n: _call(code, operations, n), start=code.load(items, item, I64))
        builder.branch(take)
        builder.position_at_end(done)
        builder.atomic_rmw("add", arrivals, one, "acq_rel")
        _wait(module, code, arrivals, threads)

    code.loop(phases, phase)
    code.end()


def _call(code: Code, operations: Value, n: Value) -> None:
    operation = code.at(operations, code.whole_mul(n, SLOTS), I64)
    function = code.builder.load(code.at(operation, FUNCTION_SLOT, I64), typ=ir.PointerType(KERNEL))
    code.builder.call(function, [operation])


def _wait(module: ir.Module, code: Code, arrivals: Value, threads: Value) -> None:
    """Wait until all threads have arrived."""
    builder, function = code.builder, code.function
    pause = ir.Function(module, ir.FunctionType(VOID, []), "llvm.x86.sse2.pause")
    let_others = ir.Function(module, ir.FunctionType(I32, []), "sched_yield")
    check, spin, rest, again, after = (
        function.append_basic_block(n) for n in ("check", "spin", "rest", "again", "after")
    )
    before = builder.block
    builder.branch(check)
    builder.position_at_end(check)
    count = builder.phi(I64)
    count.add_incoming(ir.Constant(I64, 1), before)
    arrived = builder.load_atomic(arrivals, "acquire", 8, typ=I64)
    builder.cbranch(builder.icmp_signed("<", arrived, threads), spin, after)
    builder.position_at_end(spin)
    builder.call(pause, [])
    tired = builder.icmp_signed("==", builder.and_(count, ir.Constant(I64, _SPINS - 1)), ir.Constant(I64, 0))
    builder.cbranch(tired, rest, again)
    builder.position_at_end(rest)
    builder.call(let_others, [])
    builder.branch(again)
    builder.position_at_end(again)
    count.add_incoming(builder.add(count, ir.Constant(I64, 1)), again)
    builder.branch(check)
    builder.position_at_end(after)
