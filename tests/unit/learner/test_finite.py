"""One NaN or infinity anywhere in a learner, or in what it reports, is found and named; finite numbers never are."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sac.config import TrainConfig
from sac.learner.finite import Diverged, FiniteCheck, first_not_finite, held_by
from sac.learner.sac import Learner, UpdateInfo
from tests.examples import fewer
from tests.unit.learner.cases import SMALL, SPEC, hidden

CONFIG = TrainConfig(threads=1)
BAD = (math.nan, math.inf, -math.inf)


def make_learner():
    with hidden(SMALL):
        return Learner(CONFIG, SPEC, torch.device("cpu"))


def check(state, info=None):
    finite = FiniteCheck(state, CONFIG)
    finite.queue(7, 448, info)
    finite.settle()


def info(**changes):
    reported = UpdateInfo(torch.ones(3, 2), torch.ones(3, 2), torch.ones(2), torch.ones(2), torch.ones(3, 1))
    return replace(reported, **changes)


def test_a_sound_learner_passes_also_where_a_sum_overflows():
    state = make_learner().state
    state.critic.flat[:2] = torch.finfo(torch.float32).max
    check(state, info(critic_losses=torch.full((3, 2), 3e38)))
    check(state, info(actor_loss=None, alpha_loss=None))
    FiniteCheck(state, CONFIG).settle()


@given(st.data())
@fewer(3)
def test_one_bad_number_anywhere_is_found_and_named(data):
    learner = make_learner()
    held = held_by(learner.state)
    name = data.draw(st.sampled_from(sorted(held)))
    tensor, _ = held[name]
    tensor[data.draw(st.integers(0, len(tensor) - 1))] = data.draw(st.sampled_from(BAD))
    with pytest.raises(Diverged) as caught:
        check(learner.state)
    assert str(caught.value).startswith(f"iteration 7 (step 448): {name}")


def test_everything_that_a_checkpoint_keeps_of_the_networks_is_looked_at():
    from sac.state import walk

    state = make_learner().state
    kept = {leaf.data_ptr() for _, leaf in walk(state) if isinstance(leaf, torch.Tensor) and leaf.is_floating_point()}
    steps = {optim.step.data_ptr() for optim in (state.actor_optim, state.critic_optim, state.alpha_optim)}
    assert kept - steps == {tensor.data_ptr() for tensor, _ in held_by(state).values()}


def test_the_place_is_that_of_the_named_parameter():
    state = make_learner().state
    state.actor.views["weight.1"][2, 3] = math.nan
    assert first_not_finite(state.actor.flat, state.actor) == "weight.1[2, 3] is nan"
    with pytest.raises(Diverged, match=r"param\.actor weight\.1\[2, 3\] is nan: the networks have diverged"):
        check(state)


def test_losses_come_first_and_name_the_gradient_step():
    state = make_learner().state
    state.actor.flat[:] = math.nan
    losses = torch.ones(3, 2)
    losses[1, 0] = math.inf
    with pytest.raises(Diverged, match=r"update\.critic_loss\[1, 0\] is inf"):
        check(state, info(critic_losses=losses))


def test_the_fused_relu_hides_a_nan_so_what_is_computed_can_not_be_looked_at():
    """Why the parameters are looked at, and no product."""
    found = torch.ops.mkldnn._linear_pointwise(
        torch.ones(4, 8), torch.full((8, 8), math.nan), torch.zeros(8), "relu", [], ""
    )
    assert bool((found == 0).all())
