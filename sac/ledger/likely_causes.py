"""What usually makes a channel differ though its inputs are equal, given the headers of two ledgers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Cause(NamedTuple):
    """What usually makes a channel differ though its inputs are equal."""

    stage: str
    cause: str


_OPTIMIZER = "another optimizer implementation (fused, for-each), or state that a checkpoint left out"
_PARAMETERS = f"{_OPTIMIZER}; at iteration 0 an initialisation that reads a global generator"

CAUSES: Mapping[str, Cause] = {
    "env.seed": Cause("seeding", "another root seed, or an environment that draws its own seed"),
    "rollout.obs": Cause("environments", "a reset without a seed, which draws from a global generator; or {physics}"),
    "rollout.action": Cause(
        "policy",
        "random actions from an unseeded space (`action_space.sample()` seeds itself from the operating system"
        "{issue}), noise from a global generator, or {rounding}",
    ),
    "rollout.reward": Cause("environments", "{physics}, if rollout.next_obs differs too; else the reward's maths"),
    "rollout.next_obs": Cause("environments", "{physics}"),
    "rollout.done": Cause("environments", "success or time-limit rules; another max_episode_steps or partial_reset"),
    "replay.index": Cause("replay", "indices from a global generator, or another buffer size or batch size"),
    "replay.batch": Cause("replay", "storage that was lost or overwritten: a resume without all of the replay"),
    "update.noise": Cause("streams", "noise from a global generator, or another batch size or number of updates"),
    "update.critic_loss": Cause("learner", "{rounding}"),
    "update.actor_loss": Cause("learner", "{rounding}"),
    "update.alpha": Cause("learner", "{rounding}"),
    "param.critic": Cause("learner", _PARAMETERS),
    "param.actor": Cause("learner", _PARAMETERS),
    "param.log_alpha": Cause("learner", _PARAMETERS),
    "param.target": Cause("learner", "the target update: tau, its frequency, or lerp in place of two products"),
    "optim.critic": Cause("learner", _OPTIMIZER),
    "optim.actor": Cause("learner", _OPTIMIZER),
    "optim.alpha": Cause("learner", _OPTIMIZER),
    "eval.action": Cause("evaluation", "evaluation environments or seeds; or {rounding}"),
    "eval.return": Cause("evaluation", "{physics}"),
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


def usual_cause(channel: str, config: Mapping[str, Any], same_machine: bool) -> Cause:
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
    return Cause(stage, cause.format(physics=physics, rounding=rounding, issue=issue))
