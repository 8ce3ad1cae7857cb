"""`sac.load_policy`: a trained policy without its task, to predict with and to export."""

from __future__ import annotations

import warnings
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn

from sac.config import BadConfig, is_file, require_policy
from sac.learner.networks import HIDDEN
from sac.run import policy_file
from sac.untrusted.file import Unreadable
from sac.untrusted.tensors import require_plain

Array = TypeVar("Array", np.ndarray, torch.Tensor)
_OPSET = 17


class _Actor(nn.Module):
    """The mean action, with the layer names of ManiSkill's `sac.py`: tanh(mean) * scale + bias."""

    action_scale: torch.Tensor
    action_bias: torch.Tensor

    def __init__(self, observation_dim: int, action_dim: int) -> None:
        super().__init__()
        sizes = (observation_dim, *HIDDEN)
        layers = [nn.Sequential(nn.Linear(a, b), nn.ReLU()) for a, b in zip(sizes, HIDDEN, strict=False)]
        self.backbone = nn.Sequential(*(layer for pair in layers for layer in pair))
        self.fc_mean = nn.Linear(HIDDEN[-1], action_dim)
        self.register_buffer("action_scale", torch.ones(action_dim))
        self.register_buffer("action_bias", torch.zeros(action_dim))

    def forward(self, observation: torch.Tensor) -> torch.Tensor:
        """Mean actions (N, A) for observations (N, O)."""
        return torch.tanh(self.fc_mean(self.backbone(observation))) * self.action_scale + self.action_bias


def _plain(path: Path, name: str, value: object) -> torch.Tensor:
    """Return a tensor of a policy file.

    Raises:
        BadConfig: it is none, or none of finite floats.
    """
    try:
        return require_plain(value, floating=True)
    except Unreadable as error:
        raise BadConfig(f"{path}: actor.{name} {error}") from error


class Policy:
    """A policy on the CPU.

    Its actions are those of an evaluation up to rounding: torch's own products stand in for the package's.

    Attributes:
        path: the file that it was read from.
        observation_dim: length O of an observation.
        action_dim: length A of an action.
    """

    def __init__(self, path: Path) -> None:
        saved = policy_file.read(path)["actor"]
        shapes = {name: tuple(_plain(path, name, value).shape) for name, value in saved.items()}
        try:
            self.observation_dim, self.action_dim = shapes["backbone.0.weight"][1], shapes["fc_mean.weight"][0]
            self._module = _Actor(self.observation_dim, self.action_dim)
            wanted = self._module.state_dict()
            self._module.load_state_dict({name: saved[name] for name in wanted})
            foreign = sorted(set(saved) - set(wanted) - {"fc_logstd.weight", "fc_logstd.bias"})
        except (KeyError, IndexError, RuntimeError, TypeError, AttributeError) as error:
            raise BadConfig(f"{path}: its actor is not of three layers of 256: {str(error).splitlines()[0]}") from error
        if foreign:
            raise BadConfig(f"{path}: its actor has parts that this SAC does not have: {', '.join(foreign[:5])}")
        self._module.eval().requires_grad_(False)
        self.path = path

    @property
    def action_low(self) -> np.ndarray:
        """(A,) float32, lower bound of each action component, up to rounding."""
        return (self._module.action_bias - self._module.action_scale).numpy()

    @property
    def action_high(self) -> np.ndarray:
        """(A,) float32, upper bound of each action component, up to rounding."""
        return (self._module.action_bias + self._module.action_scale).numpy()

    def predict(self, observation: Array) -> Array:
        """The mean action for an observation (O,), or actions (N, A) for (N, O): NumPy for NumPy, torch for torch.

        Raises:
            ValueError: the shape is another.
        """
        given = (
            observation
            if isinstance(observation, torch.Tensor)
            else torch.from_numpy(np.array(observation, np.float32))
        )
        if given.dim() not in (1, 2) or given.shape[-1] != self.observation_dim:
            raise ValueError(
                f"an observation has shape {tuple(given.shape)}, expected ({self.observation_dim},) or "
                f"(N, {self.observation_dim})"
            )
        with torch.no_grad():
            found = self._module(given.detach().to("cpu", torch.float32).reshape(-1, self.observation_dim))
        found = found.reshape(*given.shape[:-1], self.action_dim)
        return found.to(given.device) if isinstance(observation, torch.Tensor) else found.numpy()

    def to_torchscript(self, path: str | PathLike[str]) -> Path:
        """Write a TorchScript module, which torch loads without this package: (N, O) float32 in, (N, A) out."""
        with warnings.catch_warnings():
            # torch advises its newer export, which nothing but torch of the same release can read.
            warnings.simplefilter("ignore", DeprecationWarning)
            traced = torch.jit.trace(self._module, torch.zeros(2, self.observation_dim))
            torch.jit.save(traced, str(path))
        return Path(path)

    def to_onnx(self, path: str | PathLike[str]) -> Path:
        """Write an ONNX model: input `observation` (N, O) float32, output `action` (N, A).

        Raises:
            BadConfig: the package onnx is not installed.
        """
        try:
            import onnx
        except ImportError as error:
            raise BadConfig("to_onnx needs the package onnx: pip install 'sac-determinism[onnx]'") from error
        model = _onnx_model(onnx, self._module, self.observation_dim, self.action_dim)
        onnx.checker.check_model(model)
        onnx.save(model, str(path))
        return Path(path)

    def __repr__(self) -> str:
        """Where it is from, and its shapes."""
        return f"Policy({str(self.path)!r}, observation_dim={self.observation_dim}, action_dim={self.action_dim})"


def load_policy(path: str | PathLike[str]) -> Policy:
    """Read a policy: a file that `sac train` or ManiSkill's `sac.py` wrote, or a run folder, whose last one is taken.

    Raises:
        BadConfig: there is none, or it is of another layout; the message names what is different.
    """
    named = Path(path).expanduser()
    found = named / "policy.pt" if is_file(named / "policy.pt") else named
    require_policy(found)
    return Policy(found)


def _onnx_model(onnx: Any, module: _Actor, observation_dim: int, action_dim: int) -> Any:
    """The actor as a graph of Gemm, Relu, Tanh, Mul and Add."""
    tensors = {name: tensor.numpy() for name, tensor in module.state_dict().items()}
    helper, flows = onnx.helper, "observation"
    nodes = []
    for number in range(len(HIDDEN)):
        weights = [f"backbone.{2 * number}.{part}" for part in ("weight", "bias")]
        nodes.append(helper.make_node("Gemm", [flows, *weights], [f"hidden_{number}"], transB=1))
        nodes.append(helper.make_node("Relu", [f"hidden_{number}"], [f"active_{number}"]))
        flows = f"active_{number}"
    nodes.append(helper.make_node("Gemm", [flows, "fc_mean.weight", "fc_mean.bias"], ["mean"], transB=1))
    nodes.append(helper.make_node("Tanh", ["mean"], ["squashed"]))
    nodes.append(helper.make_node("Mul", ["squashed", "action_scale"], ["scaled"]))
    nodes.append(helper.make_node("Add", ["scaled", "action_bias"], ["action"]))
    ends = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N", width])
        for name, width in (("observation", observation_dim), ("action", action_dim))
    ]
    initial = [onnx.numpy_helper.from_array(array, name) for name, array in tensors.items()]
    graph = helper.make_graph(nodes, "sac_actor", ends[:1], ends[1:], initial)
    opset = [helper.make_opsetid("", _OPSET)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8, producer_name="sac-determinism")
