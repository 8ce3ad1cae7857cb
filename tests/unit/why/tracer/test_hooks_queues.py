"""Callbacks that are forced into order wait for those before them."""

from __future__ import annotations

import itertools

import pytest

from sac.why.tracer.hooks_queues import InTurn


@pytest.mark.parametrize("come", list(itertools.permutations((1, 2, 3))))
def test_functions_are_called_by_their_numbers_in_whatever_order_they_come(come):
    chain, called = InTurn(), []
    assert [chain.take() for _ in range(3)] == [1, 2, 3]
    for number in come:
        chain.give(number, lambda number=number: called.append(number))
    assert called == [1, 2, 3]


def test_who_has_an_elder_that_never_comes_waits():
    chain, called = InTurn(), []
    chain.take(), chain.take()
    chain.give(2, lambda: called.append(2))
    assert not called
