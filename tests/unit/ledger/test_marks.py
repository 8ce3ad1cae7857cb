"""Marks name the env step, the environment and the channel that parted first in time."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sac.digest import Digester
from sac.ledger.marks import IN_TIME, RolloutPlace, locate

STEPS, ENVS = 5, 3


def marks(changed: dict[tuple[int, int, str], int]) -> dict[str, str]:
    cells = {channel: ["0000"] * (STEPS * ENVS) for channel in IN_TIME}
    for (step, environment, channel), value in changed.items():
        cells[channel][step * ENVS + environment] = f"{value:04x}"
    return {channel: "".join(row) for channel, row in cells.items()}


places = st.tuples(st.integers(0, STEPS - 1), st.integers(0, ENVS - 1), st.sampled_from(IN_TIME))


@given(st.dictionaries(places, st.integers(1, 0xFFFF), min_size=1))
def test_the_earliest_place_is_named(changed):
    step, _, channel = min(changed, key=lambda place: (place[0], IN_TIME.index(place[2])))
    environments = [e for s, e, c in changed if (s, c) == (step, channel)]
    assert locate(marks({}), marks(changed), ENVS) == RolloutPlace(step, min(environments), channel)


@pytest.mark.parametrize("num_envs", [None, 0, "4"])
def test_nothing_is_claimed_without_a_number_of_environments(num_envs):
    assert locate(marks({}), marks({(0, 0, "env.seed"): 1}), num_envs) is None


def test_nothing_is_claimed_where_marks_are_equal_absent_or_of_unlike_length():
    some = marks({(0, 0, "env.seed"): 1})
    assert locate(some, some, ENVS) is None
    assert locate({}, {}, ENVS) is None
    assert locate(some, {**some, "rollout.obs": "0000"}, ENVS) is None


@given(st.integers(0, 5), st.integers(0, 6), st.integers(0, 31))
def test_a_mark_depends_on_its_row_alone(row, column, bit):
    rows = torch.arange(42, dtype=torch.float32).view(6, 7)
    changed = rows.clone()
    changed.view(torch.int32)[row, column] ^= -(2**31) if bit == 31 else 1 << bit
    before, after = Digester("cpu").row_marks(rows), Digester("cpu").row_marks(changed)
    assert [i for i in range(6) if before[i] != after[i]] == [row]
    assert ((before >= 0) & (before < 65536)).all()


def test_a_row_longer_than_the_keys_is_refused():
    with pytest.raises(ValueError, match="longer"):
        Digester("cpu").row_marks(torch.zeros(1, 40_000))


def test_a_mark_sees_columns_change_places():
    """One of 65,536 pairs is alike by chance; of these 256 none is."""
    rows = torch.arange(256 * 7, dtype=torch.float32).view(256, 7)
    swapped = rows[:, [1, 0, 2, 3, 4, 6, 5]]
    before, after = (Digester("cpu").row_marks(values.contiguous()) for values in (rows, swapped))
    assert (before != after).all()
