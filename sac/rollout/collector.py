"""Policy -> environments -> transitions: the rollout half of an iteration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from sac.config import TrainConfig
from sac.envs.protocol import EnvironmentFault, SplitStep, StepBatch, VectorEnv
from sac.learner.sac import Learner
from sac.replay import RowLayout
from sac.rollout.episodes import EPISODE_METRICS, add_to, advance
from sac.rollout.policy import ActingPolicy
from sac.state import CollectorState, EpisodeState, EpisodeSums
from sac.streams import Streams


@dataclass(frozen=True)
class Rollout:
    """T steps of N environments, in the order in which they were taken.

    Attributes:
        observation: (T, N, O) float32, what each action was chosen from.
        action: (T, N, A) float32.
        reward: (T, N) float32.
        next_observation: (T, N, O) float32, the true successors.
        terminated: (T, N) bool.
        truncated: (T, N) bool.
        reset_seed: (T, N) int64, `protocol.NO_RESET` where no episode began.
    """

    observation: torch.Tensor
    action: torch.Tensor
    reward: torch.Tensor
    next_observation: torch.Tensor
    terminated: torch.Tensor
    truncated: torch.Tensor
    reset_seed: torch.Tensor

    def stop_bootstrap(self, bootstrap_at_done: str) -> torch.Tensor:
        """Return where the value is not bootstrapped from the next observation, (T, N) bool."""
        if bootstrap_at_done == "always":
            return torch.zeros_like(self.terminated)
        if bootstrap_at_done == "truncated":
            return self.terminated
        return self.terminated | self.truncated

    def pack(self, layout: RowLayout, bootstrap_at_done: str) -> torch.Tensor:
        """Return the rollout as replay rows (T, N, D)."""
        stop_bootstrap = self.stop_bootstrap(bootstrap_at_done)
        return layout.pack(self.observation, self.action, self.reward, stop_bootstrap, self.next_observation)


class Collector:
    """Steps the training environments.

    Each environment has a stream of its own, and its s-th action takes the numbers of block s. So an action depends
    neither on the number of environments nor on how steps are cut into iterations.

    Args:
        config: steps in an iteration.
        envs: the training environments; they are reset here.
        learner: acts, unless `policy` is given.
        streams: give the actions their random numbers.
        policy: acts instead of the learner.
    """

    def __init__(
        self,
        config: TrainConfig,
        envs: VectorEnv,
        learner: Learner,
        streams: Streams,
        policy: ActingPolicy | None = None,
    ) -> None:
        self.config = config
        self.envs = envs
        self.learner = learner
        self._policy = policy or learner
        self._warm_up = [streams.warm_up_action(env) for env in range(envs.num_envs)]
        self._noise = [streams.action_noise(env) for env in range(envs.num_envs)]
        low, high = envs.spec.action_low, envs.spec.action_high
        self._low, self._range = low.astype(np.float32), (high - low).astype(np.float32)
        observation, self.first_seeds = envs.reset()
        self.state = CollectorState(
            observation,
            envs.episodes,
            EpisodeState.zeros(envs.num_envs),
            actions=torch.zeros((envs.num_envs, envs.spec.max_episode_steps, envs.spec.action_dim)),
            since_evaluation=EpisodeSums.zeros(len(EPISODE_METRICS)),
            since_log=EpisodeSums.zeros(len(EPISODE_METRICS)),
        )
        self._everyone = torch.arange(envs.num_envs)
        self._drawn: tuple[int, torch.Tensor] | None = None

    def collect(self, warm_up: bool, meanwhile: Callable[[], None] = lambda: None) -> Rollout:
        """Take `steps_per_env` steps in every environment.

        Args:
            warm_up: draw actions uniformly from the action box instead of from the policy.
            meanwhile: called once in each step, while environments in other processes take it.

        Raises:
            EnvironmentFault: an environment or the policy returned a number that is not finite.
        """
        observations, actions, steps = [], [], []
        for _ in range(self.config.steps_per_env):
            observations.append(self.state.observation)
            action = self._uniform_action() if warm_up else self._policy_action()
            if not bool(torch.isfinite(action).all()):
                raise EnvironmentFault(self._diverged())
            step = self._step(action, meanwhile, draw_next=not warm_up)
            actions.append(action)
            steps.append(step)
            self._book(action, step)
        rollout = _stack(observations, actions, steps)
        self._check_finite(rollout)
        return rollout

    def restore_simulators(self) -> None:
        """Replay the episodes in progress, so that the environments stand where the state says.

        Raises:
            EnvironmentFault: an environment does not arrive at the observation that the state holds.
        """
        state = self.state
        lengths, episodes = state.totals.length.tolist(), np.array(state.episodes, np.int64)
        actions = [state.actions[env, :length] for env, length in enumerate(lengths)]
        found = self.envs.restore(episodes, actions)
        state.episodes = self.envs.episodes
        # Bits, not values: a NaN or the other zero would be a difference too.
        same = found.view(torch.int32) == state.observation.view(torch.int32)
        for env in torch.nonzero(~same.all(dim=1)).flatten().tolist():
            raise EnvironmentFault(
                f"{self.envs.spec.env_id}: environment {env} can't be restored: after replaying the {lengths[env]} "
                f"actions of its episode {episodes[env]}, {int((~same[env]).sum())} of {same.shape[1]} values of its "
                "observation differ from the checkpoint's. Nothing has been changed. Was the checkpoint made with "
                "other versions of simulator or assets, or on another CPU?"
            )

    def _diverged(self) -> str:
        return (
            f"the policy's action is not finite at step {self.state.steps} of each environment, after "
            f"{self.learner.state.updates} gradient steps: the networks have diverged. Lower --policy_lr "
            f"{self.config.policy_lr} or --q_lr {self.config.q_lr}; `losses/` in TensorBoard show since when"
        )

    def _uniform_action(self) -> torch.Tensor:
        shape = self._low.shape
        draws = np.stack([stream.uniform(self.state.steps, shape) for stream in self._warm_up])
        return torch.from_numpy(self._low + self._range * draws).to(self.state.observation.device)

    def _policy_action(self) -> torch.Tensor:
        if self._drawn is None or self._drawn[0] != self.state.steps:
            self._drawn = self._draw_noise(self.state.steps)
        device = self.learner.state.log_alpha.device
        action = self._policy.act(self.state.observation.to(device), self._drawn[1].to(device))
        return action.to(self.state.observation.device)

    def _draw_noise(self, step: int) -> tuple[int, torch.Tensor]:
        """Return the step and the noise (N, A) of its actions, which depends only on the step's number."""
        shape = self._low.shape
        return step, torch.from_numpy(np.stack([stream.normal(step, shape) for stream in self._noise]))

    def _step(self, action: torch.Tensor, meanwhile: Callable[[], None], *, draw_next: bool) -> StepBatch:
        """Step all environments; do `meanwhile` and draw the next noise while other processes step them."""
        if not isinstance(self.envs, SplitStep):
            meanwhile()
            return self.envs.step(action)
        self.envs.begin_step(action)
        meanwhile()
        if draw_next:
            self._drawn = self._draw_noise(self.state.steps + 1)
        return self.envs.end_step()

    def _book(self, action: torch.Tensor, step: StepBatch) -> None:
        self.state.actions[self._everyone, self.state.totals.length] = action.cpu()
        finished = advance(self.state.totals, step, step.terminated | step.truncated)
        add_to(self.state.since_evaluation, finished)
        add_to(self.state.since_log, finished)
        self.state.observation = step.observation
        self.state.episodes = self.envs.episodes
        self.state.steps += 1

    def _check_finite(self, rollout: Rollout) -> None:
        """Look for NaN and infinity once an iteration, so that this waits for the device only once."""
        for field in ("observation", "reward", "next_observation", "action"):
            values = getattr(rollout, field)
            finite = torch.isfinite(values)
            if bool(finite.all()):
                continue
            where = torch.nonzero(~finite)[0].tolist()
            step, env = where[0], where[1]
            first = self.state.steps - self.config.steps_per_env
            position = f"[{where[2]}]" if len(where) > 2 else ""
            raise EnvironmentFault(
                f"{self.envs.spec.env_id}: environment {env} gave {field}{position} = {values[tuple(where)].item()} at "
                f"its step {first + step} (global step {(first + step + 1) * self.envs.num_envs}, episode "
                f"{int(self.envs.episodes[env])} or the one before); training can't use it and stops. "
                "What came before is in the run folder"
            )


def _stack(observations: list[torch.Tensor], actions: list[torch.Tensor], steps: list[StepBatch]) -> Rollout:
    return Rollout(
        observation=torch.stack(observations),
        action=torch.stack(actions),
        reward=torch.stack([step.reward for step in steps]),
        next_observation=torch.stack([step.next_observation for step in steps]),
        terminated=torch.stack([step.terminated for step in steps]),
        truncated=torch.stack([step.truncated for step in steps]),
        reset_seed=torch.stack([step.reset_seed for step in steps]),
    )
