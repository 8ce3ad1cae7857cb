"""Two policy files, layer by layer, as they were saved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn.functional import linear

from sac.config import BadConfig
from sac.learner.networks import HIDDEN, LOG_STD_MAX, LOG_STD_MIN
from sac.run import policy_file
from sac.untrusted.file import Unreadable
from sac.untrusted.tensors import require_plain

BACKBONE = tuple(f"backbone.{2 * layer}" for layer in range(len(HIDDEN)))
_HEADS = ("fc_mean", "fc_logstd")
_BOX = ("action_scale", "action_bias")

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Response:
    """What an actor makes of N observations, in float64.

    Attributes:
        hidden: of each hidden layer (N, H), after its ReLU.
        mean: (N, A) of the Gaussian before tanh.
        log_std: (N, A) of the same.
    """

    hidden: tuple[torch.Tensor, ...]
    mean: torch.Tensor
    log_std: torch.Tensor

    @property
    def action(self) -> torch.Tensor:
        """(N, A), tanh of the means: in (-1, 1), before it is scaled to the action box."""
        return torch.tanh(self.mean)


@dataclass(frozen=True)
class SavedActor:
    """The networks of one policy file.

    Attributes:
        side: what the command line calls it, for messages.
        path: the file.
        actor: name -> tensor of the actor, the action box among them.
        others: group -> name -> tensor, of the critics as far as the file holds them.
    """

    side: str
    path: Path
    actor: Tensors
    others: dict[str, Tensors]

    @property
    def observation_dim(self) -> int:
        """Length O of an observation."""
        return int(self.actor[f"{BACKBONE[0]}.weight"].shape[1])

    @property
    def action_dim(self) -> int:
        """Length A of an action."""
        return int(self.actor["fc_mean.weight"].shape[0])

    def respond(self, observation: torch.Tensor) -> Response:
        """Return activations, means and log standard deviations for observations (N, O)."""
        found: list[torch.Tensor] = []
        flows = observation.double()
        for name in BACKBONE:
            flows = self._linear(name, flows).relu()
            found.append(flows)
        raw = torch.tanh(self._linear("fc_logstd", flows))
        log_std = LOG_STD_MIN + 0.5 * (LOG_STD_MAX - LOG_STD_MIN) * (raw + 1)
        return Response(tuple(found), self._linear("fc_mean", flows), log_std)

    def _linear(self, name: str, flows: torch.Tensor) -> torch.Tensor:
        return linear(flows, self.actor[f"{name}.weight"].double(), self.actor[f"{name}.bias"].double())


def read_actor(side: str, path: Path) -> SavedActor:
    """Read a policy file.

    Args:
        side: what the command line calls it.
        path: the file.

    Raises:
        BadConfig: it is none, or of another layout; the message begins with the side.
    """
    try:
        saved = policy_file.read(path)
    except BadConfig as error:
        raise BadConfig(str(error).replace("--checkpoint", side, 1)) from error
    wanted = [f"{layer}.{part}" for layer in (*BACKBONE, *_HEADS) for part in ("weight", "bias")]
    actor = _plain(side, path, "actor", saved["actor"])
    unlike = sorted(actor.keys() ^ {*wanted, *_BOX})
    if unlike:
        raise BadConfig(
            f"{side} {path}: its actor differs in {', '.join(unlike[:5])} from one of three hidden layers: give a "
            "policy that `sac train` or ManiSkill's sac.py saved"
        )
    others = {
        name: _plain(side, path, name, saved[name]) for name in ("qf1", "qf2") if isinstance(saved.get(name), dict)
    }
    return _sound(SavedActor(side, path, {name: actor[name] for name in (*wanted, *_BOX)}, others))


def _plain(side: str, path: Path, group: str, tensors: dict[str, object]) -> Tensors:
    """The tensors of a group.

    Raises:
        BadConfig: one is none of finite floats.
    """
    return {name: _tensor(f"{side} {path}: {group}.{name}", value) for name, value in tensors.items()}


def _tensor(named: str, value: object) -> torch.Tensor:
    try:
        return require_plain(value, floating=True).detach()
    except Unreadable as error:
        raise BadConfig(f"{named} {error}; give a policy of finite numbers") from error


def _sound(actor: SavedActor) -> SavedActor:
    """Refuse layers that don't fit each other.

    Raises:
        BadConfig: they don't.
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in actor.actor.items()}
    if any(len(shapes[f"{layer}.weight"]) != 2 for layer in (*BACKBONE, *_HEADS)):
        raise BadConfig(f"{actor.side} {actor.path}: weights of its actor are no matrices; give a policy's file")
    below = actor.observation_dim
    for layer in BACKBONE:
        _require(actor, layer, (len(actor.actor[f"{layer}.bias"].reshape(-1)), below))
        below = shapes[f"{layer}.weight"][0]
    for layer in _HEADS:
        _require(actor, layer, (actor.action_dim, below))
    for name in _BOX:
        if shapes[name] != (actor.action_dim,):
            raise BadConfig(
                f"{actor.side} {actor.path}: {name} has shape {shapes[name]}, expected ({actor.action_dim},)"
            )
    return actor


def _require(actor: SavedActor, layer: str, shape: tuple[int, int]) -> None:
    found = [tuple(actor.actor[f"{layer}.{part}"].shape) for part in ("weight", "bias")]
    if found != [shape, shape[:1]]:
        raise BadConfig(
            f"{actor.side} {actor.path}: actor.{layer} has shapes {found[0]} and {found[1]}, expected {shape} and "
            f"{shape[:1]}, which fit the layers beside it"
        )


def require_alike(a: SavedActor, b: SavedActor) -> None:
    """Refuse two policies that don't map the same observations to the same actions.

    Raises:
        BadConfig: sizes or action boxes differ.
    """
    for name, tensor in a.actor.items():
        theirs = b.actor[name]
        if theirs.shape != tensor.shape:
            raise BadConfig(
                f"{b.side} {b.path}: actor.{name} has shape {tuple(theirs.shape)}, that of {a.side} "
                f"{tuple(tensor.shape)}: give two policies of one task and control mode, with layers of one size"
            )
        if name in _BOX and not torch.equal(theirs.double(), tensor.double()):
            raise BadConfig(
                f"{b.side} {b.path}: {name} is {theirs.tolist()}, that of {a.side} {tensor.tolist()}: give two "
                "policies of one control mode"
            )
