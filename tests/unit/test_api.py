"""The Python API, as far as it needs no process of its own; tests/integration/test_api.py has the rest."""

import sys

import numpy as np
import pytest
import torch

import sac
from sac.config import BadConfig
from sac.learner.sac import Learner
from sac.run import policy_file
from tests.unit.run.test_policy_file import make_learner

SMALL = {
    **{"env_id": "Point-v1", "num_envs": 1, "training_freq": 8, "batch_size": 8, "buffer_size": 100, "threads": 1},
    **{"learning_starts": 8, "total_timesteps": 32, "eval_freq": 16, "num_eval_envs": 1, "tensorboard": False},
    **{"progress": False},
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return sac.train(**SMALL, in_process=True, run_dir=str(tmp_path_factory.mktemp("run") / "a"))


@pytest.fixture
def policy(tmp_path):
    policy_file.save(make_learner(), tmp_path / "policy.pt")
    return sac.load_policy(tmp_path)


def test_every_public_name_is_there_and_others_are_not():
    assert all(getattr(sac, name) is not None for name in sac.__all__)
    with pytest.raises(AttributeError, match="no attribute 'trane'"):
        _ = sac.trane


def test_a_run_is_read_as_tables(run):
    assert run.config["env_id"] == "Point-v1" and run.config["total_timesteps"] == 32
    assert run.metrics["step"].tolist() == [0, 16, 32] and np.isnan(run.metrics["train_return"][0])
    ledger = run.ledger
    assert ledger["global_step"].tolist() == [0, 8, 16, 24, 32]
    assert ledger["update.critic_loss"][0] is None and len(ledger["update.critic_loss"][-1]) == 16
    assert {len(column) for column in ledger.values()} == {5}
    assert ledger["alpha"].dtype == np.float64


def test_a_run_is_gone_on_with_and_compared(run, tmp_path):
    other = sac.train(**{**SMALL, "total_timesteps": 16}, in_process=True, run_dir=str(tmp_path / "b"))
    sac.train(resume=other.root, total_timesteps=32, in_process=True)
    found = sac.compare(run, str(other.root))
    assert found.equal and found.complete and found.compared_iterations == 5
    third = sac.train(**SMALL, seed=2, in_process=True, run_dir=str(tmp_path / "c"))
    assert sac.compare(run, third.root).first.channel == "env.seed"


# What is asked -> what the message must hold.
@pytest.mark.parametrize(
    "flags, word",
    [
        ({"sead": 1}, "did you mean seed"),
        ({"num_envs": 7}, "--num_envs 7"),
        ({"seed": 2**62}, "less than 2^62"),
        ({"resume": "nowhere"}, "no run folder"),
        ({"resume": "nowhere", "config": sac.TrainConfig()}, "leave config out"),
    ],
)
def test_bad_flags_are_told_before_anything_starts(flags, word):
    with pytest.raises(BadConfig) as told:
        sac.train(**flags)
    assert word in str(told.value)


@pytest.mark.parametrize("content", [None, "[]", "{"])
def test_what_is_no_run_is_told(tmp_path, content):
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(BadConfig, match=r"manifest\.json"):
        sac.load_run(tmp_path)


@pytest.mark.usefixtures("one_thread")
def test_a_policy_predicts_what_an_evaluation_does(policy):
    learner: Learner = make_learner()
    observation = torch.randn(6, 5, generator=torch.Generator().manual_seed(1))
    expected = learner.act_mean(observation)
    assert torch.allclose(policy.predict(observation), expected, rtol=1e-5, atol=1e-6)
    assert not torch.allclose(policy.predict(observation + 1), expected)
    assert np.array_equal(policy.predict(observation.numpy()), policy.predict(observation).numpy())
    assert np.array_equal(policy.predict(observation[0].numpy()).shape, (3,))
    assert policy.predict(observation.double()).dtype == torch.float32
    assert np.allclose(policy.action_low, [-1, 0, -2.5]) and np.allclose(policy.action_high, [1, 0.5, -0.5])


def test_an_observation_of_another_length_is_refused(policy):
    for shape in ((4,), (2, 4), (2, 2, 5), ()):
        with pytest.raises(ValueError, match=r"expected \(5,\) or \(N, 5\)"):
            policy.predict(np.zeros(shape))


def test_a_policy_of_another_layout_is_refused_by_name(tmp_path):
    policy_file.save(make_learner(), tmp_path / "policy.pt")
    saved = torch.load(tmp_path / "policy.pt", weights_only=True)
    saved["actor"]["state_projection.projection.0.weight"] = torch.zeros(2, 2)
    torch.save(saved, tmp_path / "policy.pt")
    with pytest.raises(BadConfig, match="state_projection"):
        sac.load_policy(tmp_path / "policy.pt")
    del saved["actor"]["backbone.4.weight"]
    torch.save(saved, tmp_path / "policy.pt")
    with pytest.raises(BadConfig, match=r"backbone\.4\.weight"):
        sac.load_policy(tmp_path / "policy.pt")


def test_onnx_is_loaded_by_another_runtime(policy, tmp_path):
    runtime = pytest.importorskip("onnxruntime", reason="needs onnxruntime: pip install -e '.[onnx-tests]'")
    session = runtime.InferenceSession(
        str(policy.to_onnx(tmp_path / "policy.onnx")), providers=["CPUExecutionProvider"]
    )
    observation = np.linspace(-2, 2, 35, dtype=np.float32).reshape(7, 5)
    (found,) = session.run(["action"], {"observation": observation})
    assert np.allclose(found, policy.predict(observation), rtol=1e-5, atol=1e-6)


def test_without_onnx_the_export_says_what_to_install(policy, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(BadConfig, match=r"sac-determinism\[onnx\]"):
        policy.to_onnx(tmp_path / "policy.onnx")
