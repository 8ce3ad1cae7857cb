"""`assert_deterministic` fails with a verdict where fresh processes part, and only there."""

from __future__ import annotations

import pytest

from sac.why.plugin import assert_deterministic
from tests.why import functions as why_functions


def test_a_seeded_function_passes():
    assert_deterministic(why_functions.seeded, seed=1)


def test_an_unseeded_generator_fails_and_is_named():
    with pytest.raises(pytest.fail.Exception) as failure:
        assert_deterministic(why_functions.unseeded)
    assert "unseeded-generator" in str(failure.value)
    assert "functions.py:20" in str(failure.value)


def test_the_order_of_a_set_fails_though_nothing_was_drawn():
    with pytest.raises(pytest.fail.Exception, match="set-order"):
        assert_deterministic(why_functions.ordered_by_a_set)


def test_a_function_that_raises_is_no_divergence():
    with pytest.raises(pytest.fail.Exception, match="ValueError: no 1"):
        assert_deterministic(why_functions.failing, seed=1)


HIDDEN = ("a_dataclass", "a_deque", "a_set", "an_array_of_objects", "the_last_of_many_elements")


@pytest.mark.parametrize("name", HIDDEN)
def test_a_difference_fails_however_deep_it_lies(name):
    with pytest.raises(pytest.fail.Exception, match="diverged"):
        assert_deterministic(getattr(why_functions, name))


@pytest.mark.parametrize(
    "name, said", [("printed_only", "differs, unseen"), ("an_iterator", "result of builtins.list_iterator")]
)
def test_what_no_event_shows_or_nobody_can_compare_fails_too(name, said):
    with pytest.raises(pytest.fail.Exception, match=said):
        assert_deterministic(getattr(why_functions, name))


def test_a_decorated_function_of_a_package_is_found():
    assert_deterministic(why_functions.decorated, seed=1)


def test_a_lambda_is_refused_with_advice():
    with pytest.raises(TypeError, match="top of a module"):
        assert_deterministic(lambda: 1)
