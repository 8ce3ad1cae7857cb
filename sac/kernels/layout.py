"""Copies between the learner's tensors and padded matrices."""

from __future__ import annotations

from collections.abc import Callable

from llvmlite import ir

from sac.kernels.code import F32, I32, I64, LANES, Code, Value, kernel, vector

_KIND = vector(LANES)


def copy(module: ir.Module) -> None:
    """Write the kernel ``copy``.

    Slots: source, its row stride, destination, its row stride, rows, columns.
    """
    code = kernel(module, "copy")
    source, s, target, t, rows, columns = _matrices(code)

    def one(i: Value) -> None:
        a, b = code.at(source, code.whole_mul(i, s)), code.at(target, code.whole_mul(i, t))
        over_columns(code, columns, lambda j, kind: code.store(code.load(a, j, kind), b, j))

    code.loop(rows, one)
    code.end()


def transpose(module: ir.Module) -> None:
    """Write the kernel ``transpose``: destination[j, i] = source[i, j].

    Slots: as `copy`; rows and columns are the source's.
    """
    code = kernel(module, "transpose")
    source, s, target, t, rows, columns = _matrices(code)
    whole_rows, whole_columns = _multiple(code, rows), _multiple(code, columns)

    def move(i: Value, j: Value) -> None:
        code.store(code.load(source, _flat(code, i, s, j)), target, _flat(code, j, t, i))

    def blocks(i: Value) -> None:
        code.loop(whole_columns, lambda j: _block(code, (source, s), (target, t), i, j), step=LANES)

    code.loop(whole_rows, blocks, step=LANES)
    code.loop(whole_rows, lambda i: code.loop(columns, lambda j: move(i, j), start=whole_columns) and None)
    code.loop(rows, lambda i: code.loop(columns, lambda j: move(i, j)) and None, start=whole_rows)
    code.end()


def over_columns(code: Code, columns: Value, body: Callable[[Value, ir.Type], None]) -> None:
    """Run `body(j, type)` for whole vectors of the columns, and then for each column that is left."""
    whole_columns = _multiple(code, columns)
    code.loop(whole_columns, lambda j: body(j, _KIND), step=LANES)
    code.loop(columns, lambda j: body(j, F32), start=whole_columns)


def _matrices(code: Code) -> tuple[Value, ...]:
    return code.address(0), code.integer(1), code.address(2), code.integer(3), code.integer(4), code.integer(5)


def _multiple(code: Code, count: Value) -> Value:
    return code.builder.and_(count, ir.Constant(I64, -LANES))


def _flat(code: Code, i: Value, stride: Value, j: Value) -> Value:
    return code.whole_add(code.whole_mul(i, stride), j)


def _block(code: Code, source: tuple[Value, Value], target: tuple[Value, Value], i: Value, j: Value) -> None:
    """Transpose 16 by 16 elements in registers: exchange halves, then quarters, eighths and sixteenths."""
    rows = [code.load(source[0], _flat(code, code.whole_add(i, n), source[1], j), _KIND) for n in range(LANES)]
    distance = LANES // 2
    while distance:
        keep = [n if not n & distance else LANES + n - distance for n in range(LANES)]
        give = [n + distance if not n & distance else LANES + n for n in range(LANES)]
        for n in range(LANES):
            if not n & distance:
                pair = rows[n], rows[n + distance]
                rows[n], rows[n + distance] = _shuffled(code, pair, keep), _shuffled(code, pair, give)
        distance //= 2
    for n, row in enumerate(rows):
        code.store(row, target[0], _flat(code, code.whole_add(j, n), target[1], i))


def _shuffled(code: Code, pair: tuple[Value, Value], order: list[int]) -> Value:
    return code.builder.shuffle_vector(*pair, ir.Constant(ir.VectorType(I32, LANES), order))
