"""What is made to differ between the runs: a third one differs from both others."""

from __future__ import annotations

from sac.why.tracer import vary
from sac.why.tracer.run import STRESS
from sac.why.variation import environments


def words(same: tuple[str, ...] = ()) -> list[set[str]]:
    return [set(one[STRESS].split(",")) - {""} for one in environments(same, 3)]


def test_the_first_run_is_left_as_it_is_and_the_clock_of_the_third_is_slow():
    first, second, third = words()
    assert not first
    assert third - second == {vary.SLOW}
    assert not second - third


def test_a_clock_that_is_to_be_the_same_is_slow_nowhere():
    assert not any({"clock", vary.SLOW} & one for one in words(("clock",)))


def test_a_clock_goes_on_from_where_it_was_at_another_pace():
    assert vary._paced(lambda: 12.0, 2.0, 100, vary._faster)() == 2 + 100 + 10 * vary.RATE
    assert vary._paced(lambda: 12.0, 2.0, 100, vary._slower)() == 2 + 100 + 10 / vary.SLOWLY
    assert vary._paced(lambda: 12, 2, 100, vary._slower)() == 2 + 100 + 10 // vary.SLOWLY
