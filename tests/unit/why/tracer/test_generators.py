"""States are read where they lie in memory, and a forced place gives fixed values."""

from __future__ import annotations

import functools
import json
import random

import numpy as np
import pytest

from sac.why.tracer.blocks import FULL, SIZE, Blocks, put_bits
from sac.why.tracer.force import EPOCH, Forced
from sac.why.tracer.generators import NEVER, Generators, bit_generator_state, random_state
from sac.why.tracer.place import Place

HERE = Place("train.py", 3, "f", 0, False, True)


@pytest.mark.parametrize("draw", ["random", "getrandbits", "gauss"])
def test_a_draw_in_c_moves_the_state_of_a_random(draw):
    generator = random.Random(1)
    read = random_state(generator)
    before, arguments = read(), {"getrandbits": (8,), "gauss": (0, 1)}.get(draw, ())
    assert read() == before
    getattr(generator, draw)(*arguments)
    assert read() != before


@pytest.mark.parametrize("kind", [np.random.MT19937, np.random.PCG64, np.random.Philox])
def test_a_draw_in_c_moves_the_state_of_a_bit_generator(kind):
    bits = kind(1)
    read = bit_generator_state(bits)
    before = read()
    assert read() == before
    bits.random_raw()
    assert read() != before


def test_equal_states_have_equal_digests_and_nobody_s_seed_has_none():
    a, b = random.Random(1), random.Random(1)
    watched = Generators()
    for name, one in (("a", a), ("b", b)):
        watched.add(name, random_state(one), lambda: lambda: None)
    assert watched.state("a") == NEVER
    watched.seeded |= {"a", "b"}
    assert watched.state("a") == watched.state("b") != NEVER
    before = watched.states()
    a.random()
    assert list(watched.moved(before)) == ["a"]


def test_states_are_given_back():
    generator = random.Random(1)
    watched = Generators()
    watched.add("a", random_state(generator), lambda: functools.partial(generator.setstate, generator.getstate()))
    put_back, expected = watched.save(), random.Random(1).random()
    generator.random()
    put_back()
    assert generator.random() == expected


# ---------------------------------------------------------------- forced places


def forced(*entries):
    return Forced(json.dumps(entries))


def test_only_the_place_that_is_named_is_forced():
    force = forced({"kind": "entropy", "file": "train.py", "line": 3})
    assert force.at("entropy", HERE) is not None
    assert force.at("entropy", HERE._replace(line=4)) is None
    assert force.at("clock", HERE) is None
    assert "clock" not in force


def test_without_a_file_a_kind_is_forced_everywhere():
    force = forced({"kind": "clock"})
    assert force.at("clock", HERE) is force.everywhere("clock") is not None


def test_two_processes_get_the_same_stream_and_no_number_twice():
    a, b = (forced({"kind": "entropy"}).everywhere("entropy") for _ in range(2))
    first, second = a.stream(16), a.stream(16)
    assert (b.stream(16), b.stream(16)) == (first, second)
    assert first != second


def test_a_forced_clock_ticks_and_a_relative_one_goes_on_from_the_real_one():
    force = forced({"kind": "clock", "file": "train.py", "line": 3})
    site = force.at("clock", HERE)
    shown = [force.clock("time.time", 1e9, site) for _ in range(2)]
    assert EPOCH < shown[0] < shown[1]
    assert isinstance(force.clock("time.time_ns", 1, site), int)
    force = forced({"kind": "clock", "file": "train.py", "line": 3, "relative": True})
    force.clock("time.time", 500.0, None)
    assert 500 < force.clock("time.time", 9e9, force.at("clock", HERE)) < 501


def test_a_relative_clock_goes_on_from_the_line_that_was_read_before_it_whatever_else_is_read():
    force = forced({"kind": "clock", "file": "train.py", "line": 3, "relative": True})
    site, spent = force.at("clock", HERE), []
    for turn in range(2):
        force.clock("time.time", 500.0 + 10 * turn, None, ("train.py", 1))
        spent.append(force.clock("time.time", 9e9, site) - 500 - 10 * turn)
        force.clock("time.time", 700.0, None, ("train.py", 9))
    assert 0 < spent[0] < spent[1] < 1


# ---------------------------------------------------------------- blocks


def drawn(values, seen=FULL):
    """Digests of the blocks in which values were put."""
    written, numbers, source = [], iter(range(10_000)), iter(values)
    blocks = Blocks(lambda: next(numbers), lambda block, count, content: written.append((count, content)), lambda _: "")
    for _ in range(seen):
        blocks.saw("key", "draw", HERE, {})
    for _ in values:
        block = blocks.of("key")
        if block is not None:
            blocks.call(block, lambda: next(source), (), {})
    blocks.flush()
    return written


def test_a_block_tells_each_of_its_values_and_their_order():
    values = [number / 7 for number in range(300)]
    assert [count for count, _ in drawn(values)] == [SIZE, 300 - SIZE]
    assert drawn(values) == drawn(list(values))
    for other in (values[::-1], [*values[:-1], 0.5], [-0.0, *values[1:]], [False, *values[1:]]):
        assert drawn(other) != drawn(values)


def put(value):
    items = []
    put_bits(items, value)
    return [(type(item), item) for item in items]


ALIKE = {
    "a tuple and its parts": ((1, 2), 1),
    "parts of parts": (((1,), 2), ((1, 2),)),
    "types": (1, True),
    "text and number": ("1", 1),
    "float and double": (np.zeros(2, np.float32), np.zeros(2, np.float64)),
    "shapes": (np.zeros((2, 3)), np.zeros((3, 2))),
    "an array and a scalar": (np.zeros(1), np.float64(0)),
    "many parts": (tuple(range(9)), (*range(8), 9)),
    "objects in an array": (np.array(["a", 1], object), np.array(["a", 2], object)),
    "an array and its parts": (np.zeros(1), ("<f8", (1,), bytes(8))),
}


@pytest.mark.parametrize("one, other", ALIKE.values(), ids=ALIKE)
def test_values_that_are_not_equal_have_other_bits_in_a_block(one, other):
    assert put(one) != put(other)


def test_what_an_array_becomes_later_is_not_in_a_block():
    array = np.zeros(3)
    before = put(array)
    array += 1
    assert put(array) != before == put(np.zeros(3))


def test_the_first_events_of_a_line_are_no_block():
    assert drawn([1.0], seen=FULL - 1) == []


def test_nothing_is_put_into_blocks_where_it_is_looked_at_closely():
    blocks = Blocks(lambda: 1, lambda *_: None, lambda _: "")
    blocks.close()
    for _ in range(2 * FULL):
        blocks.saw("key", "draw", HERE, {})
    assert blocks.of("key") is None


def test_a_generator_is_drawn_from_unseeded_only_if_it_moves_before_its_seed():
    early, late, never = (random.Random(number) for number in range(3))
    watched = Generators()
    for name, one in (("early", early), ("late", late), ("never", never)):
        watched.add(name, random_state(one), lambda: lambda: None)
    early.random()
    assert watched.drawn() == {"early"}
    watched.seeded |= {"early", "late"}
    early.random(), late.random()
    assert watched.drawn() == {"early"}


def test_a_forked_child_has_drawn_nothing_where_python_seeds_anew():
    one = random.Random(1)
    watched = Generators()
    watched.add("one", random_state(one), lambda: lambda: None, at_fork=lambda: None)
    one.random()
    assert watched.drawn() == {"one"}
    watched.after_fork()
    assert watched.drawn() == set()
