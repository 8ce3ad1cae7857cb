"""A digest tells values apart by all that they hold; what it can't read it names."""

from __future__ import annotations

import array
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import io
import pathlib
import queue
import random
import re
import threading
import types
import uuid

import numpy as np
import pytest
import torch

from sac.why.tracer.content import PARTS, digest

LARGE = 3_000_000


@dataclasses.dataclass
class Rollout:
    reward: object


class Slotted:
    __slots__ = ("reward",)

    def __init__(self, reward):
        self.reward = reward


class Kind(enum.Enum):
    ONE = 1
    TWO = 2


class Text(str):
    pass


Pair = collections.namedtuple("Pair", "reward")
ALIGNED = np.dtype([("flag", "i1"), ("reward", "f8")], align=True)


def objects(value):
    made = np.empty(2, object)
    made[0] = Rollout(value)
    return made


def large(value):
    made = np.zeros(LARGE)
    made[-1] = value
    return made


def cyclic(value):
    made = [value]
    made.append(made)
    return made


def nested(value):
    for _ in range(50):
        value = [value]
    return value


def named(value):
    return torch.nn.ModuleDict({f"head{value}": torch.nn.Identity()})


def sparse(value):
    return torch.tensor([[0.0, value], [0.0, 0.0]]).to_sparse()


MADE = {
    "a dataclass": Rollout,
    "an object with slots": Slotted,
    "a namedtuple": Pair,
    "an enumeration": Kind,
    "a subclass of str": lambda value: Text(value),
    "a deque": lambda value: collections.deque([value]),
    "a set": lambda value: {value, "a", "b"},
    "a set of tuples": lambda value: frozenset([(value, "a"), ("b",)]),
    "an ordered dict": lambda value: collections.OrderedDict(a=value),
    "a default dict": lambda value: collections.defaultdict(list, a=value),
    "a namespace": lambda value: types.SimpleNamespace(a=value),
    "a partial call": lambda value: functools.partial(print, value),
    "a closure": lambda value: lambda: value,
    "a method": lambda value: Rollout(value).__eq__,
    "a cycle": cyclic,
    "fifty levels": nested,
    "the last of many items": lambda value: [0] * 200_000 + [value],
    "a file in memory": lambda value: io.StringIO(str(value)),
    "a range": range,
    "a slice": slice,
    "a path": lambda value: pathlib.Path(str(value)),
    "a pattern": lambda value: re.compile(str(value)),
    "a day": lambda value: datetime.datetime(2020, 1, value),
    "a decimal": decimal.Decimal,
    "a fraction": lambda value: fractions.Fraction(value, 7),
    "an id": lambda value: uuid.UUID(int=value),
    "bytes": lambda value: bytearray([value]),
    "an array of Python's": lambda value: array.array("i", [value]),
    "an exception": ValueError,
    "a generator of Python's": random.Random,
    "a generator of NumPy's": np.random.default_rng,
    "a legacy generator": np.random.RandomState,
    "a generator of torch's": lambda value: torch.Generator().manual_seed(value),
    "the last element of a large array": large,
    "an array of objects": objects,
    "an array of texts": lambda value: np.array([str(value)]),
    "a structured array": lambda value: np.array([(1, value)], dtype=ALIGNED),
    "a masked array": lambda value: np.ma.masked_array([value, 2], [0, 1]),
    "a long double": lambda value: np.array([value], np.longdouble),
    "a scalar": np.float32,
    "a sparse tensor": sparse,
    "a tensor of rows": lambda value: sparse(value).to_sparse_csr(),
    "a nested tensor": lambda value: torch.nested.nested_tensor([torch.full((2,), float(value))]),
    "a conjugate": lambda value: torch.tensor([1j * value]).conj(),
    "half precision": lambda value: torch.tensor([float(value)]).bfloat16(),
    "a parameter": lambda value: torch.nn.Parameter(torch.full((2,), float(value))),
    "the names of parameters": named,
    "what stands beside a lock": lambda value: (threading.Lock(), value),
}


@pytest.mark.filterwarnings("ignore:.*(prototype|beta).*")
@pytest.mark.parametrize("kind", MADE)
def test_a_digest_tells_values_apart_and_nothing_else(kind):
    make = MADE[kind]
    uncompared = []
    assert digest(make(1), uncompared) == digest(make(1), uncompared)
    assert digest(make(1), uncompared) != digest(make(2), uncompared)
    assert not uncompared


@pytest.mark.parametrize("pair", [(1, True), (1, 1.0), (0.0, -0.0), ("a", b"a"), ([1], (1,)), ("", None), ([], {})])
def test_values_that_look_alike_are_told_apart(pair):
    assert digest(pair[0]) != digest(pair[1])


def test_the_order_of_a_list_counts_and_that_of_a_set_does_not():
    assert digest([1, 2]) != digest([2, 1])
    assert digest(set("abcdefgh")) == digest(set("hgfedcba"))


def test_bytes_between_fields_are_no_part_of_a_value():
    a, b = np.zeros(3, ALIGNED), np.zeros(3, ALIGNED)
    b.view(np.uint8)[1] = 7
    assert digest(a) == digest(b)


def test_a_cached_hash_is_no_part_of_an_object():
    a, b = pathlib.Path("x"), pathlib.Path("x")
    hash(a)
    assert digest(a) == digest(b)


def unreadable():
    class Broken:
        def __reduce_ex__(self, protocol):
            raise RuntimeError("no")

        def __array__(self, *_, **__):
            raise RuntimeError("no")

        @property
        def __dict__(self):  # type: ignore[override]
            raise RuntimeError("no")

    return Broken()


@pytest.mark.parametrize(
    "make, named",
    [
        (lambda: iter([1]), "builtins.list_iterator"),
        (lambda: (x for x in [1]), "builtins.generator"),
        (queue.SimpleQueue, "_queue.SimpleQueue"),
        (unreadable, "Broken"),
    ],
)
def test_what_can_not_be_read_is_named_with_its_place(make, named):
    uncompared = []
    digest({"a": [make()]}, uncompared)
    ((path, kind),) = uncompared
    assert path == ".a[0]"
    assert named in kind


def test_a_value_of_too_many_parts_is_not_compared_in_silence(monkeypatch):
    monkeypatch.setattr("sac.why.tracer.content.PARTS", 10)
    uncompared = []
    digest([[number] for number in range(20)], uncompared)
    assert uncompared == [("[9]", "beyond 10 parts: builtins.list")]
    assert PARTS > 10


def test_a_value_nested_too_deep_is_not_compared_in_silence():
    value: list = []
    for _ in range(100_000):
        value = [value]
    uncompared = []
    digest(value, uncompared)
    assert uncompared == [("", "nested too deep: builtins.list")]


@pytest.mark.parametrize("make", [threading.Lock, threading.Condition, lambda: io.TextIOWrapper(io.BytesIO())])
def test_what_has_no_content_is_compared_by_its_type(make):
    uncompared = []
    assert digest(make(), uncompared) == digest(make(), uncompared)
    assert not uncompared
