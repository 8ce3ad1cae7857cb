"""Policy files: `policy.pt` in the layout that ManiSkill's `sac.py` saves and loads."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch

from sac.config import BadConfig
from sac.learner.networks import HIDDEN, NUM_CRITICS
from sac.learner.sac import Learner
from sac.run import policy_layouts as layouts
from sac.run import storage
from sac.run.held_folder import HeldFolder
from sac.state import LearnerState, Parameters
from sac.untrusted.archive import load_tensors
from sac.untrusted.file import Unreadable
from sac.untrusted.tensors import require_plain

GROUPS = ("actor", "qf1", "qf2")
_ACTOR_LAYERS = [f"backbone.{2 * layer}" for layer in range(len(HIDDEN))]
_CRITIC_LAYERS = [f"net.{2 * layer}" for layer in range(len(HIDDEN) + 1)]


def to_maniskill(learner: Learner) -> dict[str, Any]:
    """Return the policy as ManiSkill's `sac.py` saves it.

    Keys actor, qf1, qf2 (the target critics, as there) and log_alpha; weights are (out, in) as in torch.nn.Linear.
    """
    state = learner.state
    actor = {"action_scale": learner.scale.scale, "action_bias": learner.scale.bias}
    for layer, name in enumerate(_ACTOR_LAYERS):
        actor[f"{name}.weight"] = state.actor.views[f"weight.{layer}"].T
        actor[f"{name}.bias"] = state.actor.views[f"bias.{layer}"]
    head = len(HIDDEN)
    mean_weight, log_std_weight = state.actor.views[f"weight.{head}"].T.chunk(2)
    mean_bias, log_std_bias = state.actor.views[f"bias.{head}"].chunk(2)
    actor |= {"fc_mean.weight": mean_weight, "fc_mean.bias": mean_bias}
    actor |= {"fc_logstd.weight": log_std_weight, "fc_logstd.bias": log_std_bias}
    critics = {f"qf{e + 1}": _critic(state.target, e) for e in range(NUM_CRITICS)}
    return _detached({"actor": actor, **critics, "log_alpha": state.log_alpha})


def _critic(parameters: Parameters, member: int) -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = {}
    for layer, name in enumerate(_CRITIC_LAYERS):
        tensors[f"{name}.weight"] = parameters.views[f"weight.{layer}"][member].T
        tensors[f"{name}.bias"] = parameters.views[f"bias.{layer}"][member, 0]
    return tensors


def _detached(tree: dict[str, Any]) -> dict[str, Any]:
    """Return contiguous CPU copies, so that a file holds nothing beyond what it names."""
    return {
        name: _detached(value) if isinstance(value, dict) else value.detach().cpu().contiguous().clone()
        for name, value in tree.items()
    }


def save(learner: Learner, path: Path, held: HeldFolder | None = None) -> None:
    """Write the policy file; it appears whole or not at all, and is on disk when this returns.

    Args:
        learner: whose policy.
        path: where.
        held: the run folder, where it is below one.

    Raises:
        StorageError: it can't be written; an older file at `path` is intact.
    """
    buffer = io.BytesIO()
    torch.save(to_maniskill(learner), buffer)
    storage.make_folder(path.parent, held)
    storage.write_atomically(path, buffer.getvalue(), held)


@torch.no_grad()
def load(path: Path, learner: Learner) -> None:
    """Load actor, critics (into critics and targets, as ManiSkill's `sac.py` does) and temperature from a policy file.

    Raises:
        BadConfig: the file is not a policy file, or belongs to another task or layout; `learner` is unchanged.
    """
    saved = read(path)
    expected = to_maniskill(learner)
    for group in GROUPS:
        _check_group(path, group, saved.get(group), expected[group])
    _check_action_box(path, saved["actor"], expected["actor"])
    # A temperature that is not tuned is the one that --alpha gives.
    log_alpha = _log_alpha(path, saved.get("log_alpha")) if learner.config.autotune else None
    _load_actor(learner.state, saved["actor"])
    for parameters in (learner.state.critic, learner.state.target):
        for member in range(NUM_CRITICS):
            _load_critic(parameters, member, saved[f"qf{member + 1}"])
    if log_alpha is not None:
        learner.state.log_alpha.copy_(log_alpha)


@torch.no_grad()
def load_actor(path: Path, learner: Learner) -> None:
    """Load the actor alone, which is all that an evaluation needs: critics of another layout don't matter then.

    Raises:
        BadConfig: the file is no policy file, or of another task or layout; nothing of `learner` has changed then.
    """
    saved, expected = read(path), to_maniskill(learner)["actor"]
    _check_group(path, "actor", saved["actor"], expected)
    _check_action_box(path, saved["actor"], expected)
    _load_actor(learner.state, saved["actor"])


def read(path: Path) -> dict[str, Any]:
    """Read a policy file without running any code that it may hold.

    Raises:
        BadConfig: it can't be read, or is something else.
    """
    try:
        saved = load_tensors(path)
    except Unreadable as error:
        raise BadConfig(f"--checkpoint {path}: not a policy file: {error.reason}") from error
    if not isinstance(saved, dict) or not isinstance(saved.get("actor"), dict):
        raise BadConfig(f"--checkpoint {path}: not a policy file: it must hold actor, qf1, qf2 and log_alpha")
    return layouts.to_ours(path, saved)


def require_sound(path: Path) -> None:
    """Refuse a policy file that is damaged, or in which anything is no plain tensor.

    Raises:
        BadConfig: it is one.
    """
    for group, parts in read(path).items():
        for name, value in (parts if isinstance(parts, dict) else {"": parts}).items():
            _plain(path, f"{group}.{name}".removesuffix("."), value)


def _plain(path: Path, name: str, value: object, *, floating: bool = False) -> torch.Tensor:
    """Return a tensor of a policy file.

    Raises:
        BadConfig: it is no plain one.
    """
    try:
        return require_plain(value, floating=floating)
    except Unreadable as error:
        raise BadConfig(f"--checkpoint {path}: {name} {error}") from error


def _log_alpha(path: Path, found: object) -> torch.Tensor | None:
    """The temperature (1,), as far as there is one of a single number."""
    if not isinstance(found, torch.Tensor) or found.numel() != 1:
        return None
    return _plain(path, "log_alpha", found, floating=True).detach().reshape(1)


def _check_group(path: Path, group: str, found: object, expected: dict[str, torch.Tensor]) -> None:
    if not isinstance(found, dict):
        needed = "" if group == "actor" else "; two critics are needed: qf1 and qf2, or a list qfs of two"
        raise BadConfig(f"--checkpoint {path}: holds no {group}{needed}")
    foreign = layouts.foreign_part(found, expected)
    if foreign:
        raise BadConfig(f"--checkpoint {path}: {group} has {foreign}")
    for name, tensor in expected.items():
        if name not in found:
            raise BadConfig(f"--checkpoint {path}: {group} lacks {name}; it holds {layouts.names(found)}")
        if isinstance(found[name], torch.Tensor) and tuple(found[name].shape) != tuple(tensor.shape):
            raise BadConfig(
                f"--checkpoint {path}: {group}.{name} has shape {tuple(found[name].shape)}, this task needs "
                f"{tuple(tensor.shape)}: was it trained with another --env_id or --control_mode?"
            )
        _plain(path, f"{group}.{name}", found[name], floating=True)


def _check_action_box(path: Path, found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    for name in ("action_scale", "action_bias"):
        if not torch.equal(found[name].cpu().float(), expected[name]):
            raise BadConfig(
                f"--checkpoint {path}: {name} is {found[name].tolist()}, this task's is {expected[name].tolist()}: "
                "was it trained with another --control_mode?"
            )


def _load_actor(state: LearnerState, saved: dict[str, torch.Tensor]) -> None:
    views = state.actor.views
    for layer, name in enumerate(_ACTOR_LAYERS):
        views[f"weight.{layer}"].copy_(saved[f"{name}.weight"].T)
        views[f"bias.{layer}"].copy_(saved[f"{name}.bias"])
    head = len(HIDDEN)
    views[f"weight.{head}"].copy_(torch.cat([saved["fc_mean.weight"], saved["fc_logstd.weight"]]).T)
    views[f"bias.{head}"].copy_(torch.cat([saved["fc_mean.bias"], saved["fc_logstd.bias"]]))


def _load_critic(parameters: Parameters, member: int, saved: dict[str, torch.Tensor]) -> None:
    for layer, name in enumerate(_CRITIC_LAYERS):
        parameters.views[f"weight.{layer}"][member].copy_(saved[f"{name}.weight"].T)
        parameters.views[f"bias.{layer}"][member, 0].copy_(saved[f"{name}.bias"])
