"""The channels of a ledger in the order of data flow, and which channels flow into which."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

CHANNELS = (
    *("env.seed", "rollout.obs", "rollout.action", "rollout.reward", "rollout.next_obs", "rollout.done"),
    *("replay.index", "replay.batch", "update.noise", "update.critic_loss", "update.actor_loss", "update.alpha"),
    *("param.critic", "param.actor", "param.log_alpha", "param.target"),
    *("optim.critic", "optim.actor", "optim.alpha", "eval.action", "eval.return"),
)
"""All channels, in the order of data flow."""

ROLLOUT = CHANNELS[1:6]
_LEARNER = CHANNELS[9:19]
_STATE = CHANNELS[12:19]


def _now(*channels: str) -> tuple[tuple[str, int], ...]:
    """Inputs of the same iteration."""
    return tuple((channel, 0) for channel in channels)


def _before(*channels: str) -> tuple[tuple[str, int], ...]:
    """Inputs of the previous iteration."""
    return tuple((channel, 1) for channel in channels)


_ENV = _now("env.seed", "rollout.obs", "rollout.action")
_UPDATE = _now("replay.batch", "update.noise") + _before(*_STATE)

INPUTS: Mapping[str, tuple[tuple[str, int], ...]] = {
    # Which environments are seeded anew depends on which episodes have ended.
    "env.seed": _before("rollout.done"),
    # The simulator's state is (episode seed, actions so far); the last next_obs is the first observation.
    "rollout.obs": _now("env.seed") + _before("rollout.action", "rollout.next_obs", "rollout.done"),
    "rollout.action": _now("rollout.obs") + _before("param.actor"),
    "rollout.reward": _ENV,
    "rollout.next_obs": _ENV,
    "rollout.done": _ENV,
    "replay.index": (),
    "replay.batch": _now("replay.index", *ROLLOUT) + _before("replay.batch", *ROLLOUT),
    "update.noise": (),
    "update.critic_loss": _UPDATE,
    "update.actor_loss": _now("update.critic_loss") + _UPDATE,
    "update.alpha": _now("update.actor_loss") + _UPDATE,
    "param.critic": _now("update.critic_loss") + _UPDATE,
    "param.actor": _now("update.actor_loss") + _UPDATE,
    "param.log_alpha": _now("update.alpha") + _UPDATE,
    "param.target": _now("param.critic") + _UPDATE,
    "optim.critic": _now("update.critic_loss") + _UPDATE,
    "optim.actor": _now("update.actor_loss") + _UPDATE,
    "optim.alpha": _now("update.alpha") + _UPDATE,
    "eval.action": _now("param.actor"),
    "eval.return": _now("eval.action"),
}
"""Data flow: channel -> (input, 0 for the same iteration or 1 for the one before)."""

FEEDBACK: Mapping[str, tuple[str, ...]] = {
    "env.seed": ("rollout.done",),
    "rollout.obs": ("rollout.action",),
    **{channel: _LEARNER[place + 1 :] for place, channel in enumerate(_LEARNER)},
}
"""Channels later in the flow that act on a channel within the same iteration, through its later steps."""


class Inputs(NamedTuple):
    """What the ledgers show of a channel's inputs: those that are equal, and those that may have differed."""

    equal: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()


def inputs_of(channel: str, iteration: int, shown: set[str], before: set[str] | None) -> Inputs:
    """Return what the ledgers show of the inputs of the first differing channel.

    All earlier lines are equal, and so are all channels before this one in its line; otherwise it would not be the
    first difference. Only gaps stay open: lines that were not written, and state that they do not cover.

    Args:
        channel: the first differing channel.
        iteration: its iteration.
        shown: the channels that both ledgers hold at that iteration.
        before: the channels that both hold at the iteration before; None if one lacks that line.
    """
    equal, unproven = [], []
    for name, lag in INPUTS[channel]:
        if lag == 1 and iteration == 0:
            continue
        held = shown if lag == 0 else before
        label = f"{name} of iteration {iteration - 1}" if lag else name
        if held is not None and name in held:
            equal.append(label)
        # State always exists, written or not. For other channels, a line that lacks one says that nothing flowed.
        elif held is None or name in _STATE:
            unproven.append(label)
    return Inputs(tuple(equal), tuple(unproven))


def rivals_of(channel: str, differing: Collection[str]) -> tuple[str, ...]:
    """Return the channels that differ too and may have been first in time, at an earlier step of the iteration.

    Args:
        channel: the first differing channel in the order of data flow.
        differing: all channels that differ at its iteration.
    """
    found: list[str] = []
    frontier = list(FEEDBACK.get(channel, ()))
    while frontier:
        name = frontier.pop(0)
        if name in differing and name not in found and name != channel:
            found.append(name)
            frontier += [source for source, lag in INPUTS[name] if lag == 0]
    return tuple(sorted(found, key=CHANNELS.index))
