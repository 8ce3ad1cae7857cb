"""Policy files: bits survive, ManiSkill's own modules take them, and bad files change nothing."""

import errno
import os
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from sac.config import BadConfig, TrainConfig
from sac.envs.protocol import EnvSpec
from sac.learner.sac import Learner
from sac.run import policy_file
from sac.run.storage import StorageError
from sac.state import walk
from tests.examples import fewer

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
BOX = EnvSpec("Task-v1", 5, -np.ones(2, np.float32), np.ones(2, np.float32), 10)
LOW, HIGH = [-1.0, 0.0, -2.5], [1.0, 0.5, -0.5]


def make_learner(seed=1, observation_dim=5, low=LOW, high=HIGH):
    spec = EnvSpec("Test-v0", observation_dim, np.array(low, np.float32), np.array(high, np.float32), 10)
    learner = Learner(TrainConfig(seed=seed), spec, CPU)
    # Targets and temperature of their own, as after training.
    learner.state.target.flat.mul_(0.5)
    learner.state.log_alpha.fill_(-0.7 - seed)
    return learner


def snapshot(learner):
    return [(name, leaf.clone() if isinstance(leaf, torch.Tensor) else leaf) for name, leaf in walk(learner.state)]


def assert_untouched(learner, before):
    for (name, leaf), (_, old) in zip(walk(learner.state), before, strict=True):
        same = torch.equal(leaf, old) if isinstance(leaf, torch.Tensor) else leaf == old
        assert same, f"{name} was changed"


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "policy.pt"
    policy_file.save(make_learner(), path)
    return path


class Actor(nn.Module):
    """The modules of ManiSkill's `sac.py`, by their names there."""

    def __init__(self, observation_dim, low, high):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Linear(observation_dim, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU()
        )
        self.fc_mean, self.fc_logstd = nn.Linear(256, len(low)), nn.Linear(256, len(low))
        self.register_buffer("action_scale", torch.full((len(low),), torch.nan))
        self.register_buffer("action_bias", torch.full((len(low),), torch.nan))

    def get_eval_action(self, x):
        return torch.tanh(self.fc_mean(self.backbone(x))) * self.action_scale + self.action_bias

    def log_std(self, x):
        return -5 + 0.5 * (2 + 5) * (torch.tanh(self.fc_logstd(self.backbone(x))) + 1)


class SoftQNetwork(nn.Module):
    """Likewise."""

    def __init__(self, observation_dim, action_dim):
        super().__init__()
        layers = [nn.Linear(observation_dim + action_dim, 256), nn.ReLU()]
        layers += [nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 1)]
        self.net = nn.Sequential(*layers)

    def forward(self, x, a):
        return self.net(torch.cat([x, a], 1))


def maniskill_modules():
    torch.manual_seed(0)
    return Actor(5, LOW, HIGH), SoftQNetwork(5, 3), SoftQNetwork(5, 3)


@pytest.mark.parametrize("autotune, expected", [(True, 0.25), (False, 0.5)])
def test_a_fixed_temperature_is_the_flags_and_a_tuned_one_the_files(tmp_path, autotune, expected):
    saved = Learner(TrainConfig(autotune=False, alpha=0.25), BOX, CPU)
    policy_file.save(saved, tmp_path / "policy.pt")
    loaded = Learner(TrainConfig(autotune=autotune, alpha=0.5), BOX, CPU)
    policy_file.load(tmp_path / "policy.pt", loaded)
    assert float(loaded.alpha) == pytest.approx(expected)


def test_a_policy_survives_saving_and_loading_bit_for_bit(saved):
    source, other = make_learner(), make_learner(seed=2)
    assert not torch.equal(other.state.actor.flat, source.state.actor.flat)
    policy_file.load(saved, other)
    for name in ("actor", "target"):
        assert torch.equal(getattr(other.state, name).flat, getattr(source.state, name).flat)
    # Critics start from the saved targets, as in ManiSkill's sac.py: it saves those alone.
    assert torch.equal(other.state.critic.flat, source.state.target.flat)
    assert torch.equal(other.state.log_alpha, source.state.log_alpha)
    observation = torch.randn(7, 5)
    assert torch.equal(other.act_mean(observation), source.act_mean(observation))


def test_saving_again_what_was_loaded_gives_the_same_tensors(saved):
    other = make_learner(seed=2)
    policy_file.load(saved, other)
    again, first = policy_file.to_maniskill(other), policy_file.read(saved)
    for group in ("actor", "qf1", "qf2"):
        assert list(again[group]) == list(first[group])
        assert all(torch.equal(again[group][name], first[group][name]) for name in again[group])


def test_maniskills_modules_load_the_file(saved):
    file = torch.load(saved, weights_only=True)
    for module, group in zip(maniskill_modules(), ("actor", "qf1", "qf2"), strict=True):
        module.load_state_dict(file[group], strict=True)
    assert file["log_alpha"].shape == (1,)


def loaded_modules(file):
    modules = maniskill_modules()
    for module, group in zip(modules, ("actor", "qf1", "qf2"), strict=True):
        module.load_state_dict(file[group])
    return modules


def assert_same_networks(learner, file):
    """ManiSkill's modules with the file's weights compute what the learner does."""
    actor, qf1, qf2 = loaded_modules(file)
    observation = torch.randn(64, 5, generator=torch.Generator().manual_seed(1)) * 3
    action = learner.act_mean(observation)
    with torch.no_grad():
        assert torch.allclose(actor.get_eval_action(observation), action, rtol=1e-5, atol=1e-6)
        values = torch.cat([q(observation, action) for q in (qf1, qf2)], 1).T
        ours, _ = learner.targets.forward(torch.cat([observation, action], 1))
        assert torch.allclose(values, ours, rtol=1e-5, atol=1e-6)
        # One unit of noise moves the action by the standard deviation, seen before squashing.
        moved = learner.act(observation, torch.full((64, 3), 1e-3))
        squashed = [(a - learner.scale.bias) / learner.scale.scale for a in (action, moved)]
        slope = (squashed[1] - squashed[0]) / 1e-3 / (1 - squashed[0] ** 2)
        assert torch.allclose(slope, actor.log_std(observation).exp(), rtol=2e-2, atol=2e-3)


def test_maniskills_modules_compute_the_same(saved):
    assert_same_networks(make_learner(), torch.load(saved))


@pytest.mark.parametrize("group, name", [("actor", "fc_mean.bias"), ("actor", "fc_logstd.bias"), ("qf2", "net.4.bias")])
def test_comparison_with_maniskill_catches_a_wrong_layer(saved, group, name):
    file = torch.load(saved)
    file[group][name] += 0.1
    with pytest.raises(AssertionError):
        assert_same_networks(make_learner(), file)


def test_a_file_that_maniskill_wrote_loads(tmp_path):
    modules = maniskill_modules()
    modules[0].action_scale.copy_((torch.tensor(HIGH) - torch.tensor(LOW)) / 2)
    modules[0].action_bias.copy_((torch.tensor(HIGH) + torch.tensor(LOW)) / 2)
    groups = {name: module.state_dict() for name, module in zip(("actor", "qf1", "qf2"), modules, strict=True)}
    torch.save({**groups, "log_alpha": torch.full((1,), -1.5, requires_grad=True)}, tmp_path / "theirs.pt")
    learner = make_learner()
    policy_file.load(tmp_path / "theirs.pt", learner)
    assert_same_networks(learner, groups)
    assert learner.state.log_alpha.item() == -1.5 and not learner.state.log_alpha.requires_grad


def test_parameters_that_want_gradients_leave_no_graph_behind(tmp_path):
    file = policy_file.to_maniskill(make_learner())
    file["actor"] = {name: nn.Parameter(tensor) for name, tensor in file["actor"].items()}
    torch.save(file, tmp_path / "policy.pt")
    learner = make_learner(seed=2)
    policy_file.load(tmp_path / "policy.pt", learner)
    assert not learner.state.actor.flat.requires_grad
    assert not any(view.requires_grad for view in learner.state.actor.views.values())


def test_a_saved_file_does_not_change_with_further_training(saved):
    learner = make_learner()
    tensors = policy_file.to_maniskill(learner)
    learner.state.actor.flat.zero_()
    learner.state.target.flat.zero_()
    first = policy_file.read(saved)
    assert torch.equal(tensors["actor"]["fc_mean.weight"], first["actor"]["fc_mean.weight"])
    assert torch.equal(tensors["qf1"]["net.0.weight"], first["qf1"]["net.0.weight"])


def test_a_file_holds_no_more_than_it_names(saved):
    numbers = sum(tensor.numel() for tensor in policy_file.read(saved)["actor"].values())
    assert saved.stat().st_size < 4 * 3.2 * numbers + 50_000
    assert [path.name for path in saved.parent.iterdir()] == ["policy.pt"]


def test_equal_policies_make_equal_files(tmp_path):
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        policy_file.save(make_learner(seed), tmp_path / folder / "policy.pt")
    a, b, c = ((tmp_path / folder / "policy.pt").read_bytes() for folder in "abc")
    assert a == b and a != c


def test_a_file_does_not_depend_on_its_name(tmp_path):
    for name in ("policy.pt", "policy_64.pt"):
        policy_file.save(make_learner(), tmp_path / name)
    assert (tmp_path / "policy.pt").read_bytes() == (tmp_path / "policy_64.pt").read_bytes()


@pytest.mark.parametrize("call", ["pwrite", "fsync", "replace"])
def test_a_full_disk_leaves_the_policy_that_was_there(call, saved, monkeypatch):
    before = saved.read_bytes()

    def fail(*arguments, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(StorageError, match=r"policy\.pt: can't be written: No space left on device"):
        policy_file.save(make_learner(seed=4), saved)
    assert saved.read_bytes() == before


def refused(path, learner=None):
    """Load a bad file, hold that nothing changed, and return the message."""
    learner = learner or make_learner(seed=3)
    before = snapshot(learner)
    with pytest.raises(BadConfig) as error:
        policy_file.load(path, learner)
    assert_untouched(learner, before)
    message = str(error.value)
    assert message.startswith(f"--checkpoint {path}: "), message
    return message


@given(st.binary(max_size=200))
def test_random_bytes_are_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("bytes") / "policy.pt"
    path.write_bytes(content)
    refused(path, LEARNER)


opcodes = st.lists(
    st.sampled_from([b"(", b"}", b"]", b"s", b"u", b".", b"R", b"c", b"\x8c", b"q\x00", b"N", b"b", b"t"])
)


@given(opcodes, st.sampled_from([b"\x80\x02", b"", pickle.dumps(0x1950A86A20F9469CFC6C, 2), pickle.dumps({}, 2)]))
def test_broken_pickles_are_refused(tmp_path_factory, codes, start):
    path = tmp_path_factory.mktemp("pickle") / "policy.pt"
    path.write_bytes(start + b"".join(codes))
    refused(path, LEARNER)


@given(fraction=st.floats(0, 1, exclude_max=True))
@fewer(2)
def test_a_truncated_file_is_refused(tmp_path_factory, fraction):
    folder = tmp_path_factory.mktemp("truncated")
    torch.save(policy_file.to_maniskill(LEARNER), folder / "whole.pt")
    content = (folder / "whole.pt").read_bytes()
    (folder / "cut.pt").write_bytes(content[: int(len(content) * fraction)])
    refused(folder / "cut.pt", LEARNER)


LEARNER = make_learner(seed=3)


class Code:
    """Unpickling this would make a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("write", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content, 2))])
def test_code_in_a_file_is_not_run(tmp_path, write):
    mark = tmp_path / "ran"
    write({"actor": Code(mark)}, tmp_path / "policy.pt")
    assert "not a policy file" in refused(tmp_path / "policy.pt")
    assert not mark.exists()


def test_the_code_would_run_if_it_were_unpickled(tmp_path):
    pickle.loads(pickle.dumps(Code(tmp_path / "ran")))
    assert (tmp_path / "ran").exists()


def without(name):
    return lambda file: file.pop(name)


def put(group, name, value):
    return lambda file: file[group].__setitem__(name, value)


BROKEN = {
    "no actor": (without("actor"), "it must hold actor"),
    "no qf1": (without("qf1"), "holds no qf1"),
    "no qf2": (without("qf2"), "holds no qf2"),
    "actor is a tensor": (lambda file: file.update(actor=torch.zeros(1)), "it must hold actor"),
    "qf2 is a tensor": (lambda file: file.update(qf2=torch.zeros(1)), "holds no qf2"),
    "a layer is missing": (
        lambda file: file["actor"].pop("fc_logstd.bias"),
        "actor lacks fc_logstd.bias; it holds action_scale",
    ),
    "a layer is a number": (put("actor", "fc_mean.bias", 3.0), "actor.fc_mean.bias is no tensor but of type float"),
    "a layer of another size": (put("qf2", "net.6.bias", torch.zeros(2)), "qf2.net.6.bias has shape (2,)"),
    "a layer turned over": (put("qf1", "net.0.weight", torch.zeros(8, 256)), "needs (256, 8)"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_file_that_lacks_something_is_refused(tmp_path, case):
    spoil, expected = BROKEN[case]
    file = policy_file.to_maniskill(make_learner())
    spoil(file)
    torch.save(file, tmp_path / "policy.pt")
    assert expected in refused(tmp_path / "policy.pt")


@pytest.mark.parametrize("other", [{"observation_dim": 6}, {"low": [-1.0] * 4, "high": [1.0] * 4}])
def test_a_policy_of_another_task_is_refused(saved, other):
    message = refused(saved, make_learner(seed=3, **other))
    assert "this task needs" in message and "--env_id or --control_mode" in message


@pytest.mark.parametrize("content", [[], 3, "text", {}, {"state": torch.zeros(2)}, torch.zeros(3)])
def test_a_file_with_something_else_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "policy.pt")
    assert "not a policy file" in refused(tmp_path / "policy.pt")


def test_a_path_that_cannot_be_read_is_refused(tmp_path):
    refused(tmp_path / "missing.pt")
    refused(tmp_path)


def test_untouched_check_catches_a_changed_learner(saved):
    learner = make_learner(seed=3)
    before = snapshot(learner)
    policy_file.load(saved, learner)
    with pytest.raises(AssertionError, match="was changed"):
        assert_untouched(learner, before)
