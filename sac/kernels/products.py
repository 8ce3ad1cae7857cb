"""Matrix products whose every element is summed in one order.

C = A B: each element of C is fma(a[k], b[k], sum) for k = 0, 1, ... one after the other, from zero or from what C
held. k is never split, so neither the vectors' width nor blocks nor threads can change a bit.

Rows of C come in eights and columns in sixteens: matrices that do not are padded. Strides are in elements.

An update touches more memory than a second-level cache holds, and lines that a product needs lie a row apart, where
the CPU does not guess them. So a product asks for them ahead: for the next panel of B, for where its sums go, and for A
where that is read down its columns. This changes no value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from llvmlite import ir

from sac.kernels.code import I64, POINTER, Body, Code, Value, inner, kernel, vector, whole

ROWS, COLUMNS = 8, 16
"""Matrices are padded to multiples of these."""
LINE = 16
"""Elements of a cache line."""


@dataclass(frozen=True)
class Tile:
    """What of C is held in registers: `rows` times `vectors` of `lanes` elements; `rows` divides eight."""

    rows: int
    vectors: int
    lanes: int


class Ending(Enum):
    """What becomes of a sum before it is stored, or where it starts from."""

    PLAIN = "plain"
    CONTINUED = "continued"
    """The sum starts from what C holds."""
    BIAS = "bias"
    """A row vector is added."""
    BIAS_RELU = "bias_relu"
    """Likewise, and then what is not above zero becomes zero; NaN stays."""
    MASKED = "masked"
    """Zero where another matrix, the layer's output, is not above zero (the gradient of a ReLU)."""


DOWN_COLUMNS = (Ending.PLAIN, Ending.CONTINUED)
"""Endings of weight gradients, whose A is the transposed of what lies in memory."""
_TILE_PARAMETERS = [POINTER, I64, I64, POINTER, I64, POINTER, I64, I64, POINTER, I64]


def product(module: ir.Module, tile: Tile, ending: Ending) -> None:
    """Write the kernel ``product_<ending>``.

    Slots: A, A's stride from row to row of C, A's stride along k, B, B's row stride, C, C's row stride, rows of C,
    columns of C, k, then bias, or mask and its row stride.
    """
    tiles = {n: _tile(module, Tile(tile.rows, n, tile.lanes), ending) for n in range(1, tile.vectors + 1)}
    code = kernel(module, f"product_{ending.value}")
    columns = code.integer(8)
    wide = tile.vectors * tile.lanes
    full = _full_panels(code, columns, wide, tile.lanes)
    _panels(code, tiles[tile.vectors], 0, full, tile, wide, ending)
    at = full
    for n in range(tile.vectors - 1, 0, -1):
        left = code.builder.sub(columns, at)
        count = code.builder.sdiv(left, ir.Constant(I64, n * tile.lanes))
        stop = code.builder.add(at, code.builder.mul(count, ir.Constant(I64, n * tile.lanes)))
        _panels(code, tiles[n], at, stop, tile, n * tile.lanes, ending)
        at = stop
    code.end()


def _full_panels(code: Code, columns: Value, wide: int, lanes: int) -> Value:
    """How many columns are done by full tiles.

    A tile of one vector waits for its few sums. So if one vector is left, the last full tile's columns go with it, and
    narrower tiles share them.
    """
    build = code.builder
    full = build.mul(build.sdiv(columns, ir.Constant(I64, wide)), ir.Constant(I64, wide))
    one_is_left = build.icmp_signed("==", build.sub(columns, full), ir.Constant(I64, lanes))
    is_any = build.icmp_signed(">", full, ir.Constant(I64, 0))
    return build.select(build.and_(one_is_left, is_any), build.sub(full, ir.Constant(I64, wide)), full)


def _panels(code: Code, tile: ir.Function, start: Value, stop: Value, shape: Tile, step: int, ending: Ending) -> None:
    a, row_stride, k_stride, b, b_stride = (
        code.address(0),
        code.integer(1),
        code.integer(2),
        code.address(3),
        code.integer(4),
    )
    c, c_stride, rows, depth = code.address(5), code.integer(6), code.integer(7), code.integer(9)
    extra, extra_stride = code.address(10), code.integer(11)
    share = code.builder.sdiv(code.whole_mul(depth, shape.rows), rows)

    def panel(j: Value) -> None:
        def one(i: Value) -> None:
            row_of_tiles = code.builder.sdiv(i, whole(shape.rows))
            _ask_for_rows(code, code.at(b, code.whole_add(j, step)), b_stride, row_of_tiles, share, step)
            first = code.at(a, code.whole_mul(i, row_stride))
            out = code.at(c, code.whole_add(code.whole_mul(i, c_stride), j))
            other = code.at(extra, code.whole_add(code.whole_mul(i, extra_stride), j) if ending is Ending.MASKED else j)
            arguments = [
                first,
                row_stride,
                k_stride,
                code.at(b, j),
                b_stride,
                out,
                c_stride,
                depth,
                other,
                extra_stride,
            ]
            code.builder.call(tile, arguments)

        code.loop(rows, one, step=shape.rows)

    code.loop(stop, panel, start=start, step=step)


def _ask_for_rows(code: Code, panel: Value, stride: Value, number: Value, share: Value, columns: int) -> None:
    """Ask for the rows of a panel of B that are the share of one row of tiles."""
    first = code.whole_mul(number, share)

    def row(n: Value) -> None:
        at = code.whole_mul(code.whole_add(first, n), stride)
        for column in range(0, columns, LINE):
            code.prefetch(panel, code.whole_add(at, column))

    code.loop(share, row)


def _tile(module: ir.Module, tile: Tile, ending: Ending) -> ir.Function:
    code = inner(module, f"tile_{ending.value}_{tile.vectors}", _TILE_PARAMETERS)
    a, row_stride, k_stride, b, b_stride, c, c_stride, depth, extra, extra_stride = code.function.args
    kind = vector(tile.lanes)
    places = [(i, v) for i in range(tile.rows) for v in range(tile.vectors)]
    rows_of_a = [code.at(a, code.whole_mul(i, row_stride)) for i in range(tile.rows)]

    def out(i: int, v: int, base: Value = c, stride: Value = c_stride) -> Value:
        return code.at(base, code.whole_add(code.whole_mul(i, stride), v * tile.lanes))

    def step(k: Value, *sums: Value) -> list[Value]:
        row = code.at(b, code.whole_mul(k, b_stride))
        loaded = [code.load(row, v * tile.lanes, kind) for v in range(tile.vectors)]
        at = code.whole_mul(k, k_stride)
        factors = [code.splat(code.load(base, at), tile.lanes) for base in rows_of_a]
        if ending in DOWN_COLUMNS:
            code.prefetch(a, code.whole_add(at, 2 * LINE))
        return [code.fma(factors[i], loaded[v], value) for (i, v), value in zip(places, sums, strict=True)]

    if ending is Ending.CONTINUED:
        sums = [code.load(out(i, v), 0, kind) for i, v in places]
    else:
        sums = [ir.Constant(kind, None)] * len(places)
    # What a sum started from is there already.
    needed = [] if ending is Ending.CONTINUED else [(c, c_stride)]
    if ending is Ending.MASKED:
        needed.append((extra, extra_stride))
    sums = _summed(code, tile, depth, step, sums, needed)
    for (i, v), value in zip(places, sums, strict=True):
        if ending in (Ending.BIAS, Ending.BIAS_RELU):
            value = code.add(value, code.load(extra, v * tile.lanes, kind))
        if ending is Ending.BIAS_RELU:
            value = code.where("<=", value, 0.0, 0.0, value)
        if ending is Ending.MASKED:
            value = code.where("<=", code.load(out(i, v, extra, extra_stride), 0, kind), 0.0, 0.0, value)
        code.store(value, out(i, v), 0)
    code.end()
    return code.function


def _summed(
    code: Code, tile: Tile, depth: Value, step: Body, sums: list[Value], needed: list[tuple[Value, Value]]
) -> list[Value]:
    """Run `step` for each k; the first ones ask for the lines of the tile in `needed`, by address and row stride.

    One line of each in a step: asked for at once, they would keep B waiting.
    """

    def asking_step(k: Value, *sums: Value) -> Sequence[Value] | None:
        row, column = code.builder.urem(k, whole(tile.rows)), code.builder.udiv(k, whole(tile.rows))
        for base, stride in needed:
            code.prefetch(base, code.whole_add(code.whole_mul(row, stride), code.whole_mul(column, LINE)))
        return step(k, *sums)

    lines = whole(tile.rows * -(-tile.vectors * tile.lanes // LINE))
    asking = code.builder.select(code.builder.icmp_signed("<", depth, lines), depth, lines)
    sums = code.loop(asking, asking_step, carried=sums)
    return code.loop(depth, step, start=asking, carried=sums)


def row_product(module: ir.Module) -> None:
    """Write the kernel ``row_product``: one row of C, from zero.

    Slots: A, its stride along k, B, B's row stride, C, columns of C (a multiple of 16), k.
    """
    code = kernel(module, "row_product")
    a, stride, b, b_stride, c = code.address(0), code.integer(1), code.address(2), code.integer(3), code.address(4)
    columns, depth, kind = code.integer(5), code.integer(6), vector(COLUMNS)

    def panel(j: Value, vectors: int) -> None:
        def step(k: Value, *sums: Value) -> list[Value]:
            factor = code.splat(code.load(a, code.whole_mul(k, stride)))
            row = code.at(b, code.whole_add(code.whole_mul(k, b_stride), j))
            return [code.fma(factor, code.load(row, n * COLUMNS, kind), s) for n, s in enumerate(sums)]

        for n, total in enumerate(code.loop(depth, step, carried=[ir.Constant(kind, None)] * vectors)):
            code.store(total, c, code.whole_add(j, n * COLUMNS))

    wide = code.builder.and_(columns, ir.Constant(I64, -4 * COLUMNS))
    code.loop(wide, lambda j: panel(j, 4), step=4 * COLUMNS)
    code.loop(columns, lambda j: panel(j, 1), start=wide, step=COLUMNS)
    code.end()
