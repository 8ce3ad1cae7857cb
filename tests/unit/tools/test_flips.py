"""One last bit is detected in the iteration in which it happens, and named by its channel: one of each kind, drawn."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tools.mutants import flips

pytestmark = pytest.mark.usefixtures("one_thread")

KINDS = 2 * len(flips.LEAVES) + 6


def test_one_last_bit_of_each_kind_is_found_where_and_when_it_was_flipped(tmp_path):
    drawn = flips.draw(KINDS)
    assert len({(one.kind, one.when) for one in drawn}) == KINDS
    found = flips.found_at(drawn, tmp_path)
    wrong = [(one, place) for one, place in zip(drawn, found, strict=True) if place != (one.iteration, one.channel)]
    assert wrong == []


def test_without_a_flip_nothing_is_found(tmp_path):
    """Negative control: a flip that is planted after the run's end."""
    (one, *_) = flips.draw(1)
    assert flips.found_at([replace(one, iteration=flips.ITERATIONS + 1)], tmp_path) == [None]
