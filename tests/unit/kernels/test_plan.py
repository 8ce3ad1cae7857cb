"""Plans: each operation is run once, phases one after the other, whatever the number of threads."""

import gc
import threading
from itertools import pairwise

import numpy as np
import pytest

from sac.kernels.machine_code import kernels
from sac.kernels.plan import Given, Memory, Plan, padded
from sac.kernels.threads import Crew
from tests.unit.kernels.native import OFFERED, each_level

pytestmark = pytest.mark.skipif(not OFFERED, reason="this CPU has no FMA")
ITEMS = 40
ROWS, COLUMNS = 8, 16
"""A multiple of every tile: each element is of one tile, whatever the CPU's are."""


def counting_plan(memory, level):
    """Each item adds one to cells of its own, from cells of the phase before: a phase too early leaves a gap."""
    plan = Plan(kernels(level).addresses)
    cells = [memory.floats(ITEMS * ROWS * COLUMNS) for _ in range(4)]
    one = memory.floats(1)
    one[0] = 1
    for before, after in pairwise(cells):
        with plan.phase():
            for n in range(ITEMS):
                with plan.item():
                    # The last item of a phase reads what the first of the phase before wrote.
                    source = before.ctypes.data + 4 * ROWS * COLUMNS * (ITEMS - 1 - n)
                    target = after.ctypes.data + 4 * ROWS * COLUMNS * n
                    plan.add("copy", source, COLUMNS, target, COLUMNS, ROWS, COLUMNS)
                    factors = (one.ctypes.data, 0, 0, one_row(memory), COLUMNS)
                    plan.add("product_continued", *factors, target, COLUMNS, ROWS, COLUMNS, 1)
    return plan.finished(), cells


def one_row(memory):
    row = memory.floats(COLUMNS)
    row[:] = 1
    return row.ctypes.data


@each_level
@pytest.mark.parametrize("threads", [1, 2, 3, 4, 8])
def test_every_operation_runs_once_and_after_those_of_earlier_phases(threads, level):
    memory, crew, run = Memory(), Crew(), kernels(level).run
    table, cells = counting_plan(memory, level)
    for _ in range(5):
        for cell in cells:
            cell[:] = 0
        table.begin({}, threads)
        crew.run(lambda: run(table.address), threads)
        assert [set(cell.tolist()) for cell in cells] == [{0.0}, {1.0}, {2.0}, {3.0}]


@each_level
def test_a_plan_may_end_after_some_of_its_phases(level):
    memory, run = Memory(), kernels(level).run
    table, cells = counting_plan(memory, level)
    table.begin({}, 1, phases=2)
    run(table.address)
    assert [cell[0] for cell in cells] == [0, 1, 2, 0]


@each_level
def test_a_given_address_is_read_anew_in_each_run(level):
    memory, run = Memory(), kernels(level).run
    plan, found = Plan(kernels(level).addresses), memory.floats(4)
    with plan.phase(), plan.item():
        plan.add("copy", Given("source", 8), 4, found.ctypes.data, 4, 1, 2)
    table = plan.finished()
    for values in (np.arange(4, dtype=np.float32), np.arange(4, 8, dtype=np.float32)):
        table.begin({"source": values.ctypes.data}, 1)
        run(table.address)
        assert found[:2].tolist() == values[2:].tolist()


def test_padding_rounds_up():
    assert [padded(n, 8) for n in (0, 1, 8, 9)] == [0, 8, 8, 16]


def test_threads_of_a_crew_end_with_it():
    crew = Crew()
    crew.run(lambda: None, 3)
    mine = [thread for thread in threading.enumerate() if thread.name == "sac-kernels"]
    assert len(mine) >= 2
    del crew
    gc.collect()
    for thread in mine[-2:]:
        thread.join(timeout=10)
        assert not thread.is_alive()
