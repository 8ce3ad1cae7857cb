"""Whose order is noted, and whose isn't: whatever the script holds, to look at it harms nothing."""

from __future__ import annotations

import ast
import weakref

import pytest

from sac.why.tracer import rewrite


class Names(set):
    """A set of another name."""


class InOrder(set):
    """A set that keeps an order of its own."""

    def __iter__(self):
        return iter(sorted(super().__iter__()))


class Unbound:
    """A proxy of something that isn't there."""

    @property
    def __class__(self):
        raise RuntimeError("working outside of a request")


class Owner:
    """Something that a weak set can hold."""


@pytest.mark.parametrize("value", [{1}, frozenset({1}), Names({1}), weakref.WeakSet({Owner()})])
def test_what_is_iterated_over_like_a_set_is_one(value):
    assert rewrite.is_set(value)


@pytest.mark.parametrize("value", [InOrder({2, 1}), [1], {1: 2}, {1: 2}.keys(), "ab", None])
def test_what_has_an_order_is_none(value):
    assert not rewrite.is_set(value)


def test_a_proxy_is_not_asked_what_it_stands_for():
    assert rewrite.is_set(Unbound()) is False


def ordered(code):
    """Return what is handed to the helper that notes orders, as it stands in the code."""
    tree = rewrite._Rewriter(ast.parse(code), frozenset(), set()).visit(ast.parse(code))
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name))
    return [ast.unparse(node.args[0]) for node in calls if node.func.id == "__sac_why_order__"]


@pytest.mark.parametrize(
    "code, handed",
    [
        ("for name in names: pass", ["names"]),
        ("rows += names", ["names"]),
        ("rows[1:] = names", ["names"]),
        ("first, *rest = names", ["names"]),
        ("groups = itertools.groupby(names, key=len)", ["names"]),
        ("rows = [*names]", ["names"]),
        ("count += 1", []),
        ("rows[1] = names", []),
        ("rows -= names", []),
        ("size = len(names)", []),
    ],
)
def test_elements_are_noted_where_they_are_taken_one_by_one(code, handed):
    assert ordered(code) == handed
