"""What makes a channel differ whose inputs are equal: what the headers of two ledgers say, or what usually does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from sac.ledger.headers import HeaderDifference, HeaderDifferences, list_differences


class ChannelCause(NamedTuple):
    """What usually makes a channel differ though its inputs are equal."""

    stage: str
    cause: str


class LikelyCause(NamedTuple):
    """Why two ledgers differ, as far as they tell.

    Attributes:
        kind: ``asked``: their headers differ in what may change results; ``harmless``: they differ only in what
            mustn't; ``program``: one of them lacks the channel; ``outside``: something else than gradient steps has
            changed the learner; ``stage``: what usually does it at this channel.
        stage: stage of the training at fault.
        differences: the entries of the headers that `kind` speaks of.
        usual: what usually makes this channel differ.
    """

    kind: Literal["asked", "harmless", "program", "outside", "stage"]
    stage: str
    differences: tuple[HeaderDifference, ...] = ()
    usual: str = ""

    @property
    def text(self) -> str:
        """The cause for people."""
        if self.kind == "asked":
            return f"the runs weren't asked for the same: {list_differences(self.differences)}"
        if self.kind == "harmless":
            named = list_differences(self.differences)
            return f"{named}: results mustn't depend on it, so look for what does, in stage {self.stage!r}"
        if self.kind == "program":
            return "other versions of the program, or a ledger that was edited"
        if self.kind == "outside":
            return self.usual
        return f"stage {self.stage!r}: {self.usual}"


_OPTIMIZER = "another optimizer implementation (fused, for-each), or state that a checkpoint left out"
_PARAMETERS = f"{_OPTIMIZER}; at iteration 0 an initialisation that reads a global generator"

CAUSES: Mapping[str, ChannelCause] = {
    "env.seed": ChannelCause("seeding", "another root seed, or an environment that draws its own seed"),
    "rollout.obs": ChannelCause(
        "environments", "a reset without a seed, which draws from a global generator; or {physics}"
    ),
    "rollout.action": ChannelCause(
        "policy",
        "random actions from an unseeded space (`action_space.sample()` seeds itself from the operating system"
        "{issue}), noise from a global generator, or {rounding}",
    ),
    "rollout.reward": ChannelCause(
        "environments", "{physics}, if rollout.next_obs differs too; else the reward's maths"
    ),
    "rollout.next_obs": ChannelCause("environments", "{physics}"),
    "rollout.done": ChannelCause(
        "environments", "success or time-limit rules; another max_episode_steps or partial_reset"
    ),
    "replay.index": ChannelCause("replay", "indices from a global generator, or another buffer size or batch size"),
    "replay.batch": ChannelCause("replay", "storage that was lost or overwritten: a resume without all of the replay"),
    "update.noise": ChannelCause(
        "streams", "noise from a global generator, or another batch size or number of updates"
    ),
    "update.critic_loss": ChannelCause("learner", "{rounding}"),
    "update.actor_loss": ChannelCause("learner", "{rounding}"),
    "update.alpha": ChannelCause("learner", "{rounding}"),
    "param.critic": ChannelCause("learner", _PARAMETERS),
    "param.actor": ChannelCause("learner", _PARAMETERS),
    "param.log_alpha": ChannelCause("learner", _PARAMETERS),
    "param.target": ChannelCause("learner", "the target update: tau, its frequency, or lerp in place of two products"),
    "optim.critic": ChannelCause("learner", _OPTIMIZER),
    "optim.actor": ChannelCause("learner", _OPTIMIZER),
    "optim.alpha": ChannelCause("learner", _OPTIMIZER),
    "eval.action": ChannelCause("evaluation", "evaluation environments or seeds; or {rounding}"),
    "eval.return": ChannelCause("evaluation", "{physics}"),
}
"""Likely causes, from experiments with twin runs of ManiSkill's `sac.py` and of this package; see `usual_cause`."""

_SIMULATOR = (
    "the simulator: another version of mani_skill, sapien or torch, other CPU instructions, or physics on a GPU"
)
_SAME_SIMULATOR = (
    "the simulator: state that a reset leaves behind, or a global generator or a clock that the task reads"
)
_GPU_PHYSICS = "physics on a GPU, which sums contact forces in no fixed order"
_POINT = "the task's arithmetic: another version of NumPy, or other CPU instructions"
_SAME_POINT = "the task: state that a reset leaves behind, or a global generator or a clock that it reads"
_ROUNDING = "rounding: another thread count, instruction set or library version, or a nondeterministic GPU kernel"
_SAME_ROUNDING = "rounding: sums in no fixed order, by several threads or by a GPU kernel"


def usual_cause(channel: str, config: Mapping[str, Any], same_machine: bool) -> ChannelCause:
    """Return the likely cause at a channel.

    Args:
        channel: the first differing channel.
        config: the first run's flags.
        same_machine: whether versions and arithmetic are known to be the same, so that they can't be the cause.
    """
    point = config.get("env_id") == "Point-v1"
    if point:
        physics = _SAME_POINT if same_machine else _POINT
    elif config.get("sim_backend") == "physx_cuda":
        physics = _GPU_PHYSICS if same_machine else _SIMULATOR
    else:
        physics = _SAME_SIMULATOR if same_machine else _SIMULATOR
    stage, cause = CAUSES[channel]
    rounding = _SAME_ROUNDING if same_machine else _ROUNDING
    issue = "" if point else ": ManiSkill issue 1250"
    return ChannelCause(stage, cause.format(physics=physics, rounding=rounding, issue=issue))


def likely_cause(channel: str, headers: HeaderDifferences, absent: bool) -> LikelyCause:
    """Name the likely cause: what differs in the headers, or else what usually does it.

    Args:
        channel: the first differing channel.
        headers: what the ledgers' headers hold differently.
        absent: whether one of the ledgers lacks the channel.
    """
    stage, usual = usual_cause(channel, headers.config, headers.same_machine)
    if headers.suspects:
        return LikelyCause("asked", stage, headers.suspects)
    if headers.harmless:
        return LikelyCause("harmless", stage, headers.harmless)
    return LikelyCause("program", stage) if absent else LikelyCause("stage", stage, usual=usual)


def cause_outside(channel: str, iteration: int) -> LikelyCause:
    """Say that a channel of the learner was changed by something else than its gradient steps."""
    return LikelyCause(
        "outside",
        "outside of the learner",
        usual=f"something else than a gradient step has written to {channel} between the end of iteration "
        f"{iteration - 1} and the first gradient step after it: an evaluation, a log, a checkpoint, an environment in "
        "the same process, or memory that others write to",
    )
