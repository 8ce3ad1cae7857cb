"""Actions of several robots are one vector, in the order of ManiSkill's own wrapper."""

import gymnasium
import numpy as np
import pytest
import torch

from sac.envs.factory import make_single_env
from sac.envs.maniskill.action_layout import ActionLayout

BOX = gymnasium.spaces.Box(-1, 1, (2,), np.float32)
WIDE = gymnasium.spaces.Box(-2, 3, (3,), np.float32)


def test_a_flat_space_is_left_as_it_is():
    layout = ActionLayout.of(WIDE)
    action = np.arange(3)
    assert layout.split(action) is action and layout.low.tolist() == [-2] * 3 and layout.high.tolist() == [3] * 3


def test_names_are_in_the_order_of_the_space():
    # Gymnasium sorts a plain dict by name.
    layout = ActionLayout.of(gymnasium.spaces.Dict({"right": WIDE, "left": BOX}))
    assert layout.parts == (("left", 2), ("right", 3))
    assert layout.low.tolist() == [-1, -1, -2, -2, -2] and layout.high.tolist() == [1, 1, 3, 3, 3]
    split = layout.split(torch.arange(10).view(2, 5))
    assert {name: part.tolist() for name, part in split.items()} == {
        "left": [[0, 1], [5, 6]],
        "right": [[2, 3, 4], [7, 8, 9]],
    }


@pytest.mark.parametrize(
    "space, word",
    [
        (None, "no robot"),
        (gymnasium.spaces.Discrete(3), "Discrete"),
        (gymnasium.spaces.Box(-np.inf, np.inf, (2,)), "no bounds"),
        (gymnasium.spaces.Box(-1, 1, (2, 2)), "Box"),
        (gymnasium.spaces.Dict({"left": gymnasium.spaces.Dict({"arm": BOX})}), "Dict under 'left'"),
    ],
)
def test_what_is_no_vector_is_named(space, word):
    with pytest.raises(ValueError, match=word):
        ActionLayout.of(space)


@pytest.mark.maniskill
def test_two_robots_take_what_maniskills_wrapper_gives_them():
    from mani_skill.utils.wrappers.flatten import FlattenActionSpaceWrapper

    env = make_single_env("TwoRobotPickCube-v1")
    assert env.spec.action_dim == 16
    wrapper = FlattenActionSpaceWrapper(env.base_env)
    action = np.linspace(-0.9, 0.9, 16, dtype=np.float32)
    theirs = wrapper.action(torch.from_numpy(action)[None])
    ours = env._actions.split(action)
    assert list(ours) == list(theirs)
    assert [part.tolist() for part in ours.values()] == [part[0].tolist() for part in theirs.values()]
    env.reset(3, 3)
    before = env.base_env.agent.agents[1].robot.get_qpos().clone()
    only_second = np.concatenate([np.zeros(8), np.ones(8)]).astype(np.float32)
    for _ in range(3):
        env.step(only_second)
    assert float((env.base_env.agent.agents[1].robot.get_qpos() - before).abs().max()) > 0.05
