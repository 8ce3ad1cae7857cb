"""Losses, parameters and moments that are not finite stop a training: not every product passes a NaN on.

oneDNN's fused ReLU returns 0 for NaN, so a network of NaN can act, and be evaluated, like a sound one. Looked at is
therefore what the learner holds, not what it computes: the sum of a tensor is finite only if all of it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from sac.config import TrainConfig
from sac.errors import UserError
from sac.learner.cuda_graph import CapturedCall
from sac.learner.sac import UpdateInfo
from sac.state import LearnerState, Parameters


class Diverged(UserError, ArithmeticError):
    """A loss, a parameter or a moment is not finite; the message says which, where and when."""


@dataclass(frozen=True)
class _Queued:
    """Sums that are being taken, and of what."""

    iteration: int
    global_step: int
    losses: dict[str, torch.Tensor]
    sums: torch.Tensor


class FiniteCheck:
    """Looks at the learner once an iteration: `queue` begins it on the device, `settle` reads the result.

    The learner must not change between the two.

    Args:
        state: the learner's.
        config: the learning rates, for the message.
        captured: take the sums by a CUDA graph.
    """

    def __init__(self, state: LearnerState, config: TrainConfig, *, captured: bool = False) -> None:
        self._config = config
        self._held = held_by(state)
        self._sums: Callable[[], torch.Tensor] = self._take_sums
        if captured:
            self._sums = CapturedCall(self._take_sums, torch.cuda.Stream(state.log_alpha.device))
        self._queued: _Queued | None = None

    def _take_sums(self) -> torch.Tensor:
        return torch.stack([tensor.sum() for tensor, _ in self._held.values()])

    def queue(self, iteration: int, global_step: int, info: UpdateInfo | None = None) -> None:
        """Begin to look at what an iteration left; this does not wait for the device.

        Args:
            iteration: its number, for the message.
            global_step: env steps taken so far.
            info: what its gradient steps reported; None if there were none.
        """
        losses = _losses(info) if info is not None else {}
        sums = [self._sums(), *(tensor.sum().view(1) for tensor in losses.values())]
        self._queued = _Queued(iteration, global_step, losses, torch.cat(sums))

    def settle(self) -> None:
        """Read what `queue` began, if it did.

        Raises:
            Diverged: something is not finite.
        """
        queued, self._queued = self._queued, None
        if queued is None or bool(torch.isfinite(queued.sums.cpu()).all()):
            return
        # In the order of data flow. A sum can also overflow where everything is finite.
        for name, tensor in queued.losses.items():
            _require(queued, f"update.{name}", tensor, None, self._config)
        for name, (tensor, parameters) in self._held.items():
            _require(queued, name, tensor, parameters, self._config)


def held_by(state: LearnerState) -> dict[str, tuple[torch.Tensor, Parameters | None]]:
    """Return name -> flat tensor, and the parameters that give its elements names, for all that a learner holds."""
    named: dict[str, tuple[torch.Tensor, Parameters | None]] = {"param.log_alpha": (state.log_alpha, None)}
    named |= {f"param.{name}": (getattr(state, name).flat, getattr(state, name)) for name in _NETWORKS}
    for name in ("critic", "actor", "alpha"):
        moments, parameters = getattr(state, f"{name}_optim"), getattr(state, name, None)
        named |= {f"optim.{name} {part}": (getattr(moments, part), parameters) for part in ("exp_avg", "exp_avg_sq")}
    return named


_NETWORKS = ("critic", "actor", "target")


def first_not_finite(tensor: torch.Tensor, parameters: Parameters | None = None) -> str:
    """Say where a tensor first holds NaN or infinity, and which; empty if it holds neither.

    Args:
        tensor: of any shape.
        parameters: name the elements of a flat tensor.
    """
    finite = torch.isfinite(tensor)
    if bool(finite.all()):
        return ""
    views = parameters.views_of(tensor) if parameters is not None else {"": tensor}
    for name, view in views.items():
        found = torch.nonzero(~torch.isfinite(view))
        if len(found):
            index = found[0].tolist()
            return f"{name}{index if index else ''} is {view[tuple(index)].item()}"
    raise AssertionError("views cover all of their tensor")


def _losses(info: UpdateInfo) -> dict[str, torch.Tensor]:
    """What gradient steps reported, by name; the first index is the gradient step."""
    named = {"critic_loss": info.critic_losses, "q_value": info.q_values, "alpha": info.alpha}
    delayed = {"actor_loss": info.actor_loss, "alpha_loss": info.alpha_loss}
    return named | {name: tensor for name, tensor in delayed.items() if tensor is not None}


def _require(
    queued: _Queued, name: str, tensor: torch.Tensor, parameters: Parameters | None, config: TrainConfig
) -> None:
    where = first_not_finite(tensor, parameters)
    if not where:
        return
    shown = where if where.startswith("[") else f" {where}"
    raise Diverged(
        f"iteration {queued.iteration} (step {queued.global_step}): {name}{shown}: the networks have diverged. The "
        "ledger holds this iteration, no policy or checkpoint does. Most likely the learning rates are too high for "
        f"these rewards: start a new run with a lower --policy_lr {config.policy_lr} or --q_lr {config.q_lr}; "
        "`losses/` in TensorBoard and the ledger's values show since when"
    )
