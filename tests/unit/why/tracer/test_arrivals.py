"""Lines that change what others may hold are wrapped, and do what they did."""

from __future__ import annotations

import ast
import asyncio
import threading
from types import SimpleNamespace

import pytest

from sac.why.tracer import arrivals
from sac.why.tracer.place import Place

HERE = Place("train.py", 3, "work", 77, False, True)

COUNTED = """
class Counter:
    pass
total, seen, counter = 0, {}, Counter()
counter.steps = 0
def work(number):
    global total
    local = number * 2
    total += local
    seen[number], counter.last = local, number
    counter.steps += 1
    found = []
    found.append(local)
    return found
"""
NESTED = """
def outer():
    best = 0
    def inner(x):
        nonlocal best
        best = x
    inner(7)
    return best
"""


class Noting:
    """In place of the recorder's helpers: remembers what arrived."""

    def __init__(self):
        self.stored, self.changed = [], []

    def run(self, code):
        tree = ast.fix_missing_locations(arrivals.Storing().visit(ast.parse(code)))
        names = {arrivals.STORED: self._store, arrivals.CHANGED: self._change}
        exec(compile(tree, "train.py", "exec"), names)
        return names

    def _store(self, value):
        self.stored.append(value)
        return value

    def _change(self, method):
        self.changed.append(method.__name__)
        return method


def test_what_others_may_see_is_noted_and_what_is_local_is_not():
    noting = Noting()
    names = noting.run(COUNTED)
    assert names["work"](3) == [6]
    assert noting.stored == [6, (6, 3), 1]
    assert noting.changed == ["append"]
    assert (names["total"], names["seen"], names["counter"].last) == (6, {3: 6}, 3)


def test_a_nonlocal_name_is_shared_with_the_function_around_it():
    noting = Noting()
    assert noting.run(NESTED)["outer"]() == 7
    assert noting.stored == [0, 7]


def test_what_a_module_stores_while_it_is_imported_is_not_noted():
    noting = Noting()
    noting.run("table = {}\ntable[1] = 2\ntable.update(a=3)\n")
    assert (noting.stored, noting.changed) == ([], [])


def test_lines_stay_where_they_are():
    tree = arrivals.Storing().visit(ast.parse(COUNTED))
    lines = {node.lineno for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert lines == {node.lineno for node in ast.walk(ast.parse(COUNTED)) if isinstance(node, ast.Call)} | {9, 10, 11}


class Trace:
    """In place of the recorder."""

    def __init__(self):
        self.sources = []
        self.places = SimpleNamespace(find=lambda depth: HERE)

    def source(self, kind, name, value, shown, place):
        self.sources.append((kind, name, place.chain))


@pytest.fixture
def trace():
    return Trace()


def test_in_the_main_thread_alone_nothing_races(trace):
    helpers = arrivals.helpers(trace)
    assert helpers[arrivals.STORED](5) == 5
    assert not trace.sources


def test_a_thread_s_arrival_has_the_line_as_its_identity_and_not_the_thread(trace):
    found = []
    helpers = arrivals.helpers(trace)
    thread = threading.Thread(target=lambda: helpers[arrivals.CHANGED](found.append)(5))
    thread.start()
    thread.join()
    assert (found, trace.sources) == ([5], [("arrival", "threads", 0)])


def test_a_task_is_one_of_many_whatever_thread_its_loop_runs_in(trace):
    helpers = arrivals.helpers(trace)

    async def work():
        return helpers[arrivals.STORED](5)

    assert asyncio.run(work()) == 5
    assert trace.sources == [("arrival", "tasks", 0)]


def test_methods_of_other_objects_are_left_alone(trace):
    class Own:
        def append(self, value):
            return value

    method = Own().append
    assert arrivals.helpers(trace)[arrivals.CHANGED](method) is method
