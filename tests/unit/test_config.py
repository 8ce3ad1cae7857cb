"""The configuration: its numbers, and one message for each value that can't be used."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sac.config import LAYOUT_FIELDS, BadConfig, TrainConfig, check

# Changed fields -> what the message must hold: the flag, its value, and what would be valid.
BAD = [
    ({"num_envs": 0}, ["--num_envs 0", "greater than 0"]),
    ({"num_eval_envs": -1}, ["--num_eval_envs -1", "greater than 0"]),
    ({"num_eval_steps": 0}, ["--num_eval_steps 0", "greater than 0"]),
    ({"total_timesteps": 0}, ["--total_timesteps 0", "greater than 0"]),
    ({"buffer_size": 0}, ["--buffer_size 0", "greater than 0"]),
    ({"batch_size": 0}, ["--batch_size 0", "greater than 0"]),
    ({"policy_lr": 0.0}, ["--policy_lr 0.0", "greater than 0"]),
    ({"q_lr": -1e-4}, ["--q_lr -0.0001", "greater than 0"]),
    ({"policy_frequency": 0}, ["--policy_frequency 0", "greater than 0"]),
    ({"target_network_frequency": 0}, ["--target_network_frequency 0", "greater than 0"]),
    ({"training_freq": 0}, ["--training_freq 0", "greater than 0"]),
    ({"log_freq": 0}, ["--log_freq 0", "greater than 0"]),
    ({"seed": -1}, ["--seed -1", "not be negative"]),
    ({"learning_starts": -1}, ["--learning_starts -1", "not be negative"]),
    ({"eval_freq": -1}, ["--eval_freq -1", "not be negative"]),
    ({"threads": -1}, ["--threads -1", "not be negative"]),
    ({"ledger_freq": -1}, ["--ledger_freq -1", "not be negative"]),
    ({"alpha": -0.1}, ["--alpha -0.1", "not be negative"]),
    ({"utd": -0.5}, ["--utd -0.5", "not be negative"]),
    ({"reconfiguration_freq": -2}, ["--reconfiguration_freq -2", "None or at least 0"]),
    ({"eval_reconfiguration_freq": -2}, ["--eval_reconfiguration_freq -2", "None or at least 0"]),
    ({"gamma": 1.01}, ["--gamma 1.01", "between 0 and 1"]),
    ({"gamma": -0.5}, ["--gamma -0.5", "between 0 and 1"]),
    ({"tau": 0.0}, ["--tau 0.0", "greater than 0 and at most 1"]),
    ({"tau": 1.5}, ["--tau 1.5", "greater than 0 and at most 1"]),
    ({"num_envs": 10}, ["--num_envs 10", "--training_freq 64", "Valid for --num_envs: 1, 2, 4, 8, 16, 32, 64"]),
    ({"workers": -1}, ["--workers -1", "auto, serial, or a number from 0 to --num_envs 16"]),
    ({"workers": 17}, ["--workers 17", "auto, serial, or a number from 0 to --num_envs 16"]),
    ({"num_envs": 128}, ["--num_envs 128", "--training_freq 64", "multiple of 128"]),
    ({"buffer_size": 1000}, ["--buffer_size 1000", "--batch_size 1024", "at least 1024"]),
    ({"buffer_size": 32, "batch_size": 8}, ["--buffer_size 32", "at least 64"]),
    ({"utd": 0.01}, ["--utd 0.01", "no gradient step", "0.015625"]),
    ({"utd": 1e300}, ["--utd 1e+300", "1000000"]),
    ({"run_dir": ""}, ["--run_dir", "empty"]),
    ({"exp_name": "../escape"}, ["--exp_name", "--run_dir"]),
    ({"checkpoint": "x" * 300}, ["--checkpoint", "no such file"]),
    ({"buffer_device": "gpu"}, ["--buffer_device gpu", "cpu or cuda"]),
    ({"torch_deterministic": False}, ["--no-torch_deterministic", "--numerics fast"]),
    ({"save_trajectory": True}, ["--save_trajectory", "seeds and the ledger"]),
    ({"save_train_video_freq": 1}, ["--save_train_video_freq", "--capture_video"]),
    ({"evaluate": True}, ["--evaluate", "--checkpoint", "policy.pt"]),
    ({"checkpoint": "/nowhere/policy.pt"}, ["--checkpoint /nowhere/policy.pt", "no such file"]),
]
FLOATS = [field.name for field in dataclasses.fields(TrainConfig) if isinstance(field.default, float)]
ISSUE_1250 = TrainConfig(
    env_id="StackCube-v1",
    num_envs=32,
    utd=0.5,
    buffer_size=500_000,
    total_timesteps=500_000,
    eval_freq=50_000,
    control_mode="pd_ee_delta_pos",
)


@pytest.mark.parametrize("fields, parts", BAD, ids=lambda value: "-".join(value) if isinstance(value, dict) else "")
def test_a_bad_value_is_refused_with_flag_value_and_what_is_valid(fields, parts):
    with pytest.raises(BadConfig) as error:
        check(TrainConfig(**fields))
    assert [part for part in parts if part not in str(error.value)] == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("name", FLOATS)
def test_numbers_that_are_not_finite_are_refused(name, value):
    with pytest.raises(BadConfig, match=f"^--{name} {value}: "):
        check(TrainConfig(**{name: value}))


def test_the_defaults_pass():
    check(TrainConfig())
    check(ISSUE_1250)


@pytest.mark.parametrize(
    "fields",
    [
        {"gamma": 0.0},
        {"gamma": 1.0},
        {"tau": 1.0},
        {"alpha": 0.0, "autotune": False},
        {"utd": 0.0},
        {"eval_freq": 0},
        {"ledger_freq": 0},
        {"seed": 2**62 - 1},
        {"num_envs": 64},
        {"buffer_size": 1024},
        {"reconfiguration_freq": 0},
        {"buffer_device": "cpu"},
        {"workers": 0},
        {"workers": 16},
        {"workers": "serial"},
    ],
)
def test_values_at_the_edge_pass(fields):
    check(TrainConfig(**fields))


def test_iterations_of_the_command_of_issue_1250():
    assert (ISSUE_1250.steps_per_env, ISSUE_1250.grad_steps_per_iteration) == (2, 32)
    assert ISSUE_1250.iterations == 7813


@given(st.integers(1, 10**7), st.integers(1, 64), st.integers(1, 16), st.floats(0, 4))
def test_iterations_reach_total_timesteps_and_no_further(total, num_envs, steps, utd):
    config = TrainConfig(total_timesteps=total, num_envs=num_envs, training_freq=num_envs * steps, utd=utd)
    assert config.steps_per_env == steps
    assert total <= config.iterations * config.training_freq < total + config.training_freq
    assert config.grad_steps_per_iteration <= config.training_freq * utd < config.grad_steps_per_iteration + 1


def test_maniskills_flags_keep_their_defaults():
    theirs = {
        **{"seed": 1, "torch_deterministic": True, "cuda": True, "track": False, "env_id": "PickCube-v1"},
        **{"num_envs": 16, "num_eval_envs": 16, "num_eval_steps": 50, "partial_reset": False, "eval_freq": 25},
        **{"control_mode": "pd_joint_delta_pos", "total_timesteps": 1_000_000, "buffer_size": 1_000_000},
        **{"gamma": 0.8, "tau": 0.01, "batch_size": 1024, "learning_starts": 4_000, "policy_lr": 3e-4, "q_lr": 3e-4},
        **{"policy_frequency": 1, "target_network_frequency": 1, "alpha": 0.2, "autotune": True},
        **{"training_freq": 64, "utd": 0.5, "bootstrap_at_done": "always", "log_freq": 1_000},
    }
    ours = TrainConfig().to_dict()
    assert {name: ours[name] for name in theirs} == theirs


def test_every_field_goes_into_the_manifest_and_comes_back():
    config = dataclasses.replace(ISSUE_1250, seed=2**70, policy_lr=0.1 + 0.2)
    assert set(config.to_dict()) == {field.name for field in dataclasses.fields(TrainConfig)}
    assert TrainConfig(**json.loads(json.dumps(config.to_dict()))) == config


def test_layout_fields_exist():
    assert {field.name for field in dataclasses.fields(TrainConfig)} >= LAYOUT_FIELDS


def test_what_training_depends_on_is_no_layout_field():
    needed = {"seed", "env_id", "num_envs", "gamma", "batch_size", "numerics", "device", "learning_starts"}
    assert not needed & LAYOUT_FIELDS


def test_a_configuration_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainConfig().seed = 2


def test_evaluations_that_take_more_steps_than_training_are_warned_of():
    from sac.envs.make import costly_evaluation

    assert "--eval_freq 25" in costly_evaluation(TrainConfig())
    assert costly_evaluation(TrainConfig(eval_freq=0)) == ""
    assert costly_evaluation(TrainConfig(eval_freq=800)) == ""
