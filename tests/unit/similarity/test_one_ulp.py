"""One number becomes its neighbour, once, and the picture shows what came of it."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
import torch

from sac.similarity.growth import GrowthRow, growth_csv
from sac.similarity.one_ulp import OneUlp, to_neighbour
from sac.similarity.picture import growth_picture
from tests.unit.tiny_runs import tiny_state


@pytest.mark.parametrize("value", [1.0, -3.0, 0.0])
def test_the_neighbour_is_the_next_float_away_from_zero(value):
    flat = torch.tensor([5.0, value])
    before, after = to_neighbour(flat, 1)
    away = torch.tensor(-torch.inf if value < 0 else torch.inf)
    assert (before, after) == (value, float(torch.nextafter(torch.tensor(value), away)))
    assert after != before and flat.tolist() == [5.0, after]


def test_the_largest_weight_is_changed_once_before_its_iteration():
    state = tiny_state()
    state.learner.actor.views["w"][1, 2] = -2.0
    state.iteration = 3
    change, before = OneUlp("weight", 5), state.learner.actor.flat.clone()
    change(state)
    assert change.planted is None and torch.equal(state.learner.actor.flat, before)
    state.iteration = 4
    change(state)
    assert change.planted is not None
    assert (change.planted.place, change.planted.before) == ("actor w[1, 2]", -2.0)
    assert int((state.learner.actor.flat != before).sum()) == 1


def test_an_observation_is_changed_in_environment_0_alone():
    state = tiny_state()
    state.collector.observation[:] = torch.tensor([[1.0, 4.0, 2.0], [9.0, 9.0, 9.0]])
    before = state.collector.observation.clone()
    OneUlp("observation", 1)(state)
    assert torch.nonzero(state.collector.observation != before).tolist() == [[0, 1]]


def row(iteration: int, distance: float) -> GrowthRow:
    return GrowthRow(iteration, 16 * iteration, distance, distance, distance == 0, distance, distance, 0.5, 1, 3, 4)


def test_the_picture_has_labelled_axes_and_leaves_out_what_has_no_logarithm():
    drawn = growth_picture([row(0, 0.0), row(5, 1e-7), row(10, 1e-2)], "a <task>", 3)
    root = ET.fromstring(drawn)
    words = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"a <task>", "iteration", "distance of A and B", "success once", "1e-07", "one ULP"} <= set(words)
    dots = [path.get("d") for path in root.iter("{http://www.w3.org/2000/svg}path") if "dots" in path.get("class")]
    assert [len(path.split("M")) - 1 for path in dots] == [2, 2, 3, 3]
    assert any("No dot: the distance is 0" in one for one in words)
    assert "prefers-color-scheme:dark" in drawn and "@media print" in drawn


def test_runs_that_never_part_can_be_drawn():
    assert "<svg" in growth_picture([row(0, 0.0)], "equal", 1)


def test_the_table_has_all_digits():
    assert growth_csv([row(2, 1 / 3)]).splitlines()[1].startswith("2,32,0.3333333333333333,")
