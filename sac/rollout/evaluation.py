"""Evaluation of a policy: the same episodes each time, and no trace of it in training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from sac.envs.protocol import EnvironmentFault, VectorEnv
from sac.rollout.episodes import EpisodeLog, advance
from sac.state import EpisodeState

EvaluatedPolicy = Callable[[torch.Tensor], torch.Tensor]
"""Observations (N, O) -> actions (N, A), both on the environments' device."""


@dataclass(frozen=True)
class Evaluation:
    """What one evaluation found.

    Attributes:
        actions: (T, N, A) float32, every action taken.
        episodes: metrics of the episodes that ended, in the order in which they ended.
    """

    actions: torch.Tensor
    episodes: EpisodeLog


def evaluate(
    envs: VectorEnv,
    policy: EvaluatedPolicy,
    steps: int,
    first_episode: int = 0,
    watch: Callable[[], None] | None = None,
) -> Evaluation:
    """Step every environment `steps` times from the start of its episode `first_episode`.

    The episodes' seeds depend only on the run's seed. So an evaluation at step n finds the same whatever the cadence,
    and two policies meet the same episodes.

    Args:
        envs: the environments; they are reset here.
        policy: maps observations (N, O) to actions (N, A).
        steps: how often each environment is stepped.
        first_episode: index of the first episode.
        watch: called after the reset and after each step.

    Raises:
        EnvironmentFault: an action, an observation or a reward is not finite.
    """
    observation, _ = envs.reset(first_episode)
    _require_finite(envs, "the first observation", observation)
    totals, log = EpisodeState.zeros(envs.num_envs), EpisodeLog()
    actions: list[torch.Tensor] = []
    look = watch or (lambda: None)
    look()
    for _ in range(steps):
        actions.append(policy(observation))
        _require_finite(envs, "the policy's action", actions[-1])
        step = envs.step(actions[-1])
        _require_finite(envs, "the observation", step.next_observation)
        _require_finite(envs, "the reward", step.reward)
        log.add(advance(totals, step, step.terminated | step.truncated))
        observation = step.observation
        look()
    return Evaluation(torch.stack(actions), log)


def _require_finite(envs: VectorEnv, what: str, values: torch.Tensor) -> None:
    """Refuse values (N, ...) that an evaluation can't count; a policy may turn a NaN into an action like any other."""
    finite = torch.isfinite(values)
    if bool(finite.all()):
        return
    index = torch.nonzero(~finite)[0].tolist()
    position = f"[{index[1]}]" if len(index) > 1 else ""
    raise EnvironmentFault(
        f"{envs.spec.env_id}: evaluation: {what}{position} of environment {index[0]} is "
        f"{values[tuple(index)].item()}, in its episode {int(envs.episodes[index[0]])} or the one before; no mean is "
        "taken over that. If it is an action, the policy has diverged; else the task returned it"
    )
