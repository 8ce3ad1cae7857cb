"""Writing kernels as LLVM IR: a thin layer over llvmlite's builder.

IEEE 754 defines each operation that is written here, and no flag allows LLVM to reorder or to contract any (a test
reads the assembly). So a kernel has the same bits on every CPU, whatever the vectors' width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir

F32, I32, I64, VOID, POINTER = ir.FloatType(), ir.IntType(32), ir.IntType(64), ir.VoidType(), ir.PointerType()
LANES = 16
"""Elements of a vector in element-wise kernels. On a CPU with narrower registers LLVM splits it."""
KERNEL = ir.FunctionType(VOID, [POINTER])
"""A kernel takes one operation: a row of 64-bit slots, which hold addresses, counts and strides (in elements)."""

Value = Any
Body = Callable[..., Sequence[Value] | None]


def vector(lanes: int, element: ir.Type = F32) -> ir.Type:
    """Return the type of `lanes` elements; one lane is a scalar."""
    return element if lanes == 1 else ir.VectorType(element, lanes)


class Code:
    """Writes the body of one function; a new one begins at its entry.

    Args:
        function: without a body so far.
    """

    def __init__(self, function: ir.Function) -> None:
        self.function = function
        self.builder = ir.IRBuilder(function.append_basic_block("entry"))

    def end(self) -> None:
        """Return from the function."""
        self.builder.ret_void()

    # Slots of the operation, which is the first parameter of a kernel.

    def integer(self, slot: int) -> Value:
        """Load a count or a stride."""
        return self.load(self.function.args[0], slot, I64)

    def address(self, slot: int) -> Value:
        """Load an address."""
        return self.load(self.function.args[0], slot, POINTER, I64)

    # Memory.

    def at(self, base: Value, index: Value, element: ir.Type = F32) -> Value:
        """Return the address of an element."""
        return self.builder.gep(base, [whole(index)], source_etype=element)

    def load(self, base: Value, index: Value, kind: ir.Type = F32, element: ir.Type | None = None) -> Value:
        """Load a value of a type from where the element with an index lies (`element` defaults to the type)."""
        place = self.at(base, index, element or (kind.element if isinstance(kind, ir.VectorType) else kind))
        return self.builder.load(place, typ=kind, align=8 if kind in (I64, POINTER) else 4)

    def store(self, value: Value, base: Value, index: Value) -> None:
        """Store a float or a vector of them where the element with an index lies."""
        self.builder.store(value, self.at(base, index), align=4)

    def prefetch(self, base: Value, index: Value) -> None:
        """Ask for the cache line of the float with an index, which need not exist: a hint that changes no value."""
        read, keep, data = (ir.Constant(I32, n) for n in (0, 3, 1))
        self._call("llvm.prefetch.p0", VOID, [self.at(base, index), read, keep, data])

    # Arithmetic. Floats and vectors of floats alike; a Python number stands for a constant of the other's type.

    def add(self, a: Value, b: Value) -> Value:
        """A + b."""
        return self.builder.fadd(*_alike(a, b))

    def sub(self, a: Value, b: Value) -> Value:
        """A - b."""
        return self.builder.fsub(*_alike(a, b))

    def mul(self, a: Value, b: Value) -> Value:
        """A * b."""
        return self.builder.fmul(*_alike(a, b))

    def div(self, a: Value, b: Value) -> Value:
        """A / b."""
        return self.builder.fdiv(*_alike(a, b))

    def fma(self, a: Value, b: Value, c: Value) -> Value:
        """A * b + c, rounded once."""
        kind = next(value.type for value in (a, b, c) if isinstance(value, ir.Value))
        return self._intrinsic("fma", kind, [constant(value, kind) for value in (a, b, c)])

    def sqrt(self, a: Value) -> Value:
        """The square root."""
        return self._intrinsic("sqrt", a.type, [a])

    def magnitude(self, a: Value) -> Value:
        """|a|."""
        return self._intrinsic("fabs", a.type, [a])

    def where(self, relation: str, a: Value, b: Value, then: Value, other: Value) -> Value:
        """`then` where the relation (such as ``<=``) of a and b holds, else `other`; with NaN none holds."""
        then, other = _alike(then, other)
        return self.builder.select(self.builder.fcmp_ordered(relation, *_alike(a, b)), then, other)

    def whole_add(self, a: Value, b: Value) -> Value:
        """A + b of integers."""
        return self.builder.add(whole(a), whole(b))

    def whole_mul(self, a: Value, b: Value) -> Value:
        """A * b of integers."""
        return self.builder.mul(whole(a), whole(b))

    def splat(self, scalar: Value, lanes: int = LANES) -> Value:
        """A vector of equal elements."""
        if lanes == 1:
            return scalar
        kind = ir.VectorType(scalar.type, lanes)
        one = self.builder.insert_element(ir.Constant(kind, ir.Undefined), scalar, ir.Constant(I32, 0))
        mask = ir.Constant(ir.VectorType(I32, lanes), [0] * lanes)
        return self.builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), mask)

    def _intrinsic(self, name: str, kind: ir.Type, arguments: list[Value]) -> Value:
        suffix = f"v{kind.count}f32" if isinstance(kind, ir.VectorType) else "f32"
        return self._call(f"llvm.{name}.{suffix}", kind, arguments)

    def _call(self, name: str, result: ir.Type, arguments: list[Value]) -> Value:
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        declared = self.function.module.globals.get(name) or ir.Function(self.function.module, kind, name)
        return self.builder.call(declared, arguments)

    # Control flow.

    def loop(
        self, stop: Value, body: Body, *, start: Value = 0, step: int = 1, carried: Sequence[Value] = ()
    ) -> list[Value]:
        """Run `body(index, *carried)` for start, start + step, ... below `stop`.

        Returns:
            What the last run of the body returned, or `carried` if there was none.
        """
        builder, before = self.builder, self.builder.block
        head, inside, after = (self.function.append_basic_block(name) for name in ("head", "body", "after"))
        builder.branch(head)
        builder.position_at_end(head)
        values = [builder.phi(I64), *(builder.phi(value.type) for value in carried)]
        for value, first in zip(values, [whole(start), *carried], strict=True):
            value.add_incoming(first, before)
        builder.cbranch(builder.icmp_signed("<", values[0], whole(stop)), inside, after)
        builder.position_at_end(inside)
        results = body(values[0], *values[1:]) or ()
        following = [self.whole_add(values[0], step), *results]
        for value, result in zip(values, following, strict=True):
            value.add_incoming(result, builder.block)
        builder.branch(head)
        builder.position_at_end(after)
        return values[1:]


def whole(value: Value) -> Value:
    """Return a Python integer as a constant, and any other value as it is."""
    return ir.Constant(I64, value) if isinstance(value, int) else value


def constant(value: Value, kind: ir.Type) -> Value:
    """Return a Python number as a constant of a type, rounded to float32, and any other value as it is."""
    if isinstance(value, ir.Value):
        return value
    rounded = ir.Constant(F32, float(value))
    return ir.Constant(kind, [rounded] * kind.count) if isinstance(kind, ir.VectorType) else rounded


def _alike(a: Value, b: Value) -> tuple[Value, Value]:
    kind = a.type if isinstance(a, ir.Value) else b.type
    return constant(a, kind), constant(b, kind)


def kernel(module: ir.Module, name: str) -> Code:
    """Begin a kernel."""
    return Code(ir.Function(module, KERNEL, name))


def inner(module: ir.Module, name: str, parameters: Sequence[ir.Type]) -> Code:
    """Begin a function that kernels of the same module call."""
    function = ir.Function(module, ir.FunctionType(VOID, list(parameters)), name)
    function.linkage = "internal"
    return Code(function)
