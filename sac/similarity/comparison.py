"""Compares two saved policies: their parameters, and what they do with the same observations."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sac.similarity.measures import ParameterDistance, action_distance, gaussian_kl, linear_cka, parameter_distance
from sac.similarity.saved_actor import BACKBONE, SavedActor, Tensors


@dataclass(frozen=True)
class MeanAndMax:
    """Over observations."""

    mean: float
    max: float


@dataclass(frozen=True)
class Behaviour:
    """What two policies do with the same observations.

    Attributes:
        action: L2 distance of tanh(mean), at most 2 sqrt(A).
        kl_a_b: KL(A || B) of the policies' distributions, in nats.
        kl_b_a: KL(B || A) of the same.
        cka: hidden layer -> linear CKA; None where a layer is constant over the observations.
    """

    action: MeanAndMax
    kl_a_b: MeanAndMax
    kl_b_a: MeanAndMax
    cka: dict[str, float | None]


def compare_parameters(a: SavedActor, b: SavedActor) -> tuple[list[ParameterDistance], list[str]]:
    """Return the distance of each layer, those of whole networks last; and what was not compared, in words."""
    groups = {"actor": (_weights(a.actor), _weights(b.actor))}
    notes: list[str] = []
    for name in ("qf1", "qf2"):
        reason = _unlike(name, a, b)
        if reason:
            notes.append(f"{name}: not compared: {reason}")
        else:
            groups[name] = a.others[name], b.others[name]
    layers = [one for name, (ours, theirs) in groups.items() for one in _layers(name, ours, theirs)]
    wholes = [_whole(name, ours, theirs) for name, (ours, theirs) in groups.items()]
    return [*layers, *wholes], notes


def compare_behaviour(a: SavedActor, b: SavedActor, observation: torch.Tensor) -> Behaviour:
    """Compare what both make of observations (N, O)."""
    ours, theirs = a.respond(observation), b.respond(observation)
    p, q = (ours.mean, ours.log_std), (theirs.mean, theirs.log_std)
    hidden = zip(BACKBONE, ours.hidden, theirs.hidden, strict=True)
    return Behaviour(
        _spread(action_distance(ours.action, theirs.action)),
        _spread(gaussian_kl(*p, *q)),
        _spread(gaussian_kl(*q, *p)),
        {name: linear_cka(one, two) for name, one, two in hidden},
    )


def actor_distance(a: SavedActor, b: SavedActor) -> ParameterDistance:
    """Compare all weights and biases of two actors."""
    return _whole("actor", _weights(a.actor), _weights(b.actor))


def _weights(tensors: Tensors) -> Tensors:
    """What is learned of an actor: the action box is not."""
    return {name: tensor for name, tensor in tensors.items() if not name.startswith("action_")}


def _unlike(name: str, a: SavedActor, b: SavedActor) -> str:
    """Why two critics can't be compared; "" where they can."""
    lacking = [one.side for one in (a, b) if name not in one.others]
    if lacking:
        return f"{' and '.join(lacking)} {'holds' if len(lacking) == 1 else 'hold'} none"
    shapes = [{part: tuple(tensor.shape) for part, tensor in one.others[name].items()} for one in (a, b)]
    return "" if shapes[0] == shapes[1] and shapes[0] else "the two are of unlike layers"


def _layers(group: str, a: Tensors, b: Tensors) -> list[ParameterDistance]:
    named: dict[str, list[str]] = {}
    for name in a:
        named.setdefault(name.rpartition(".")[0], []).append(name)
    return [
        parameter_distance(f"{group}.{layer}", [a[one] for one in parts], [b[one] for one in parts])
        for layer, parts in named.items()
    ]


def _whole(group: str, a: Tensors, b: Tensors) -> ParameterDistance:
    return parameter_distance(f"{group} (all)", list(a.values()), [b[name] for name in a])


def _spread(values: torch.Tensor) -> MeanAndMax:
    return MeanAndMax(float(values.mean()), float(values.max()))
