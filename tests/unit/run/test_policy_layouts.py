"""Policies that others saved: what is the same under other names loads with the same bits, what is not is named."""

import itertools

import pytest
import torch
from torch import nn

from sac.config import BadConfig
from sac.run import policy_file
from tests.unit.run.test_policy_file import assert_untouched, make_learner, snapshot

pytestmark = pytest.mark.usefixtures("one_thread")


def prefixed(prefix):
    """As a module saves itself that `torch.compile`, `DataParallel` or both have wrapped."""

    def change(file):
        return {
            group: {prefix + name: tensor for name, tensor in value.items()} if isinstance(value, dict) else value
            for group, value in file.items()
        }

    return change


def listed(file, count=2):
    """As ManiSkill's newer sac.py saves it."""
    return {"actor": file["actor"], "qfs": [file["qf1"], file["qf2"]][:count], "log_alpha": file["log_alpha"]}


def critic(*, layer_norm, dropout=False, width=256):
    sizes = [8, width, width, width]
    layers: list[nn.Module] = []
    for a, b in itertools.pairwise(sizes):
        layers += [nn.Linear(a, b)]
        layers += [nn.Dropout(0.1)] if dropout else []
        layers += [nn.LayerNorm(b)] if layer_norm else []
        layers += [nn.ReLU()]
    net = nn.Sequential(*layers, nn.Linear(width, 1))
    return {f"net.{name}": tensor for name, tensor in net.state_dict().items()}


def with_critics(**kind):
    return lambda file: {**listed(file), "qfs": [critic(**kind) for _ in range(2)]}


def projected(file):
    actor = {**file["actor"], "state_projection.projection.0.weight": torch.zeros(4, 5)}
    return {**file, "actor": actor}


SAME = {
    "torch.compile": prefixed("_orig_mod."),
    "DataParallel": prefixed("module."),
    "both": prefixed("module._orig_mod."),
    "a list of critics": listed,
    "a list of compiled critics": lambda file: listed(prefixed("_orig_mod.")(file)),
}
# What differs -> what the message must hold; and whether the actor alone can be had all the same.
DIFFERENT = {
    "layer normalisation": (with_critics(layer_norm=True), ["qf1 has layer normalisation", "q_layer_norm"], True),
    "dropout": (with_critics(layer_norm=False, dropout=True), ["qf1 lacks net.2.weight", "net.3.weight"], True),
    "wider critics": (with_critics(layer_norm=False, width=512), ["qf1.net.0.weight has shape (512, 8)"], True),
    "one critic": (lambda file: listed(file, 1), ["holds no qf2", "a list qfs of two"], True),
    "ten critics": (lambda file: {**listed(file), "qfs": [file["qf1"]] * 10}, ["holds no qf1", "qfs of two"], True),
    "normalised observations": (lambda file: {**listed(file), "obs_rms": {"mean": torch.zeros(5)}}, ["obs_rms"], False),
    "a projection": (projected, ["actor has a projection of the state", "state_projection"], False),
}


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "policy.pt"
    policy_file.save(make_learner(), path)
    return path


def rewrite(path, change):
    torch.save(change(torch.load(path, weights_only=True)), path)


@pytest.mark.parametrize("name", SAME)
def test_other_names_of_the_same_load_with_the_same_bits(saved, name):
    expected = make_learner(seed=2)
    policy_file.load(saved, expected)
    rewrite(saved, SAME[name])
    learner = make_learner(seed=2)
    policy_file.load(saved, learner)
    assert_untouched(learner, snapshot(expected))


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_is_different_is_named_and_changes_nothing(saved, name):
    change, words, actor_fits = DIFFERENT[name]
    rewrite(saved, change)
    learner = make_learner(seed=2)
    before = snapshot(learner)
    with pytest.raises(BadConfig) as told:
        policy_file.load(saved, learner)
    assert [word for word in words if word not in str(told.value)] == []
    assert_untouched(learner, before)
    if not actor_fits:
        with pytest.raises(BadConfig, match=words[0]):
            policy_file.load_actor(saved, learner)
        return
    policy_file.load_actor(saved, learner)
    assert torch.equal(learner.state.actor.flat, make_learner().state.actor.flat)
