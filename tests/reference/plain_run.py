"""A training run told again without vectors: what collector, replay, evaluation, ledger and logs have to make of it.

`watched` runs a training of the point task and keeps what its environments and its learner were given and gave: the
story. `PlainRun` tells from that story and the flags, one environment at a time and with lists, what must have been
asked of them and what must have been written. Gradient steps are taken as they were: the textbook is their reference.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sac.config import TrainConfig
from sac.digest import digest
from sac.envs import point
from sac.envs.protocol import StepBatch
from sac.learner.factory import learner_kind
from sac.learner.sac import Learner
from sac.state import LearnerState
from sac.streams import Stream
from sac.trainer import Trainer

EPISODE = 7
"""Steps of an episode: few, so that many end, within iterations and at their ends."""
LOW, HIGH = (-1.0, 0.25), (0.5, 1.0)
METRICS = ("success_once", "success_at_end", "fail_once", "fail_at_end", "return", "episode_len", "reward")


@dataclass
class EnvStory:
    """What one vector of environments was told and what it answered."""

    resets: list[tuple[int, torch.Tensor, torch.Tensor]] = field(default_factory=list)
    steps: list[tuple[int, torch.Tensor, StepBatch]] = field(default_factory=list)
    """Number of resets before, actions, answer."""


@dataclass
class Story:
    """What a run's parts were given and gave."""

    envs: list[EnvStory] = field(default_factory=list)
    updates: list[tuple[dict[str, torch.Tensor], torch.Tensor, Any]] = field(default_factory=list)
    learners: list[tuple[torch.Tensor, dict[str, str], int]] = field(default_factory=list)
    """Actor, digests of the learner's channels, and gradient steps so far: at the start and after each iteration."""
    trainer: Any = None


class BusyPoint(point.PointVectorEnv):
    """The point task with short episodes, wide goals, failures and a crooked action box; it keeps its story."""

    story: Story

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        low, high = np.array(LOW, np.float32), np.array(HIGH, np.float32)
        self.spec = dataclasses.replace(self.spec, action_low=low, action_high=high, max_episode_steps=EPISODE)
        self.own = EnvStory()
        self.story.envs.append(self.own)

    def reset(self, episode: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
        observation, seeds = super().reset(episode)
        self.own.resets.append((episode, observation.clone(), seeds.clone()))
        return observation, seeds

    def step(self, action: torch.Tensor) -> StepBatch:
        batch = super().step(action)
        batch = dataclasses.replace(batch, fail=batch.reward < 0.6)
        kept = StepBatch(**{name: value.clone() for name, value in vars(batch).items()})
        self.own.steps.append((len(self.own.resets), action.clone(), kept))
        return batch


@contextmanager
def watched() -> Iterator[Story]:
    """Let trainings in this process take `BusyPoint` and tell their story."""
    story = Story()
    kind = learner_kind(torch.device("cpu"))
    update, iterate, run = kind.update, Trainer.iterate, Trainer.run

    def telling_update(self: Learner, batch: Any, noise: torch.Tensor) -> Any:
        given = {name: value.clone() for name, value in vars(batch).items()}
        kept = noise.clone()
        info = update(self, batch, noise)
        story.updates.append((given, kept, info))
        return info

    def keep(self: Trainer) -> None:
        state = self.training.learner.state
        story.learners.append((state.actor.flat.clone(), channels_of(state), len(story.updates)))

    def telling_iterate(self: Trainer) -> None:
        iterate(self)
        keep(self)

    def telling_run(self: Trainer) -> None:
        story.trainer = self
        if not story.learners:
            keep(self)
        run(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sac.envs.factory.PointVectorEnv", type("Watched", (BusyPoint,), {"story": story}))
        patch.setattr(point, "GOAL_HALF_WIDTH", 0.5)
        patch.setattr(kind, "update", telling_update)
        patch.setattr(Trainer, "iterate", telling_iterate)
        patch.setattr(Trainer, "run", telling_run)
        # What the machine is does not matter here, and takes longer to find out than training does.
        patch.setattr("sac.trainer.fingerprint", lambda *arguments: {"profile": "deterministic"})
        patch.setattr("sac.run.folder.git_revision", lambda: None)
        yield story


def channels_of(state: LearnerState) -> dict[str, str]:
    """Digests of what the ledger's channels of the learner stand for."""
    found: dict[str, Any] = {
        "param.critic": state.critic.flat,
        "param.actor": state.actor.flat,
        "param.log_alpha": state.log_alpha,
        "param.target": state.target.flat,
    }
    for name, adam in {"critic": state.critic_optim, "actor": state.actor_optim, "alpha": state.alpha_optim}.items():
        found[f"optim.{name}"] = [adam.step, adam.exp_avg, adam.exp_avg_sq]
    return {channel: digest(content) for channel, content in found.items()}


def episode_seed(seed: int, role: str, env: int, episode: int) -> int:
    """The seed of an episode, from the definition in sac/streams.py."""
    parts = ("sac/streams/1", "episode", seed, role, env, episode)
    text = "".join(f"{len(str(part))}:{part}" for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "little") % 2**31


@dataclass
class Episode:
    """One environment's running episode."""

    rewards: list[float] = field(default_factory=list)
    success: list[bool] = field(default_factory=list)
    fail: list[bool] = field(default_factory=list)

    def metrics(self) -> dict[str, float]:
        total = 0.0
        for reward in self.rewards:
            total += reward
        return {
            "success_once": float(any(self.success)),
            "success_at_end": float(self.success[-1]),
            "fail_once": float(any(self.fail)),
            "fail_at_end": float(self.fail[-1]),
            "return": total,
            "episode_len": float(len(self.rewards)),
            "reward": total / len(self.rewards),
        }


@dataclass
class PlainEnv:
    """One environment as it has to be driven: its observation, its episode's number, and the episode so far."""

    seed: int
    role: str
    index: int
    partial: bool
    number: int = 0
    running: Episode = field(default_factory=Episode)

    def take(self, batch: StepBatch) -> dict[str, float] | None:
        """Follow one step; return the metrics of the episode where it ended, and hold the next one's seed to its own.

        An episode ends at its last step, and at success only where episodes are partial.
        """
        row = {name: value[self.index].tolist() for name, value in vars(batch).items()}
        running = self.running
        running.rewards.append(row["reward"])
        running.success.append(row["success"])
        running.fail.append(row["fail"])
        assert row["terminated"] == (self.partial and row["success"])
        assert row["truncated"] == (len(running.rewards) == EPISODE)
        if not (row["terminated"] or row["truncated"]):
            assert row["reset_seed"] == -1 and row["observation"] == row["next_observation"]
            return None
        self.number += 1
        self.running = Episode()
        expected = episode_seed(self.seed, self.role, self.index, self.number)
        assert row["reset_seed"] == expected, f"{self.role}: episode {self.number} of environment {self.index}"
        assert row["observation"] == first_observation(expected)
        return running.metrics()


def first_observation(seed: int) -> list[float]:
    """Where the point task begins an episode."""
    x, y, goal_x, goal_y = point.hash_uniform(np.array([seed]), 4)[0].tolist()
    return [x, y, 0.0, 0.0, goal_x, goal_y]


def begun(config: TrainConfig, role: str, count: int, partial: bool, observation: torch.Tensor) -> list[PlainEnv]:
    """All environments at the start of their episode 0."""
    envs = [PlainEnv(config.seed, role, index, partial) for index in range(count)]
    for env in envs:
        seed = episode_seed(config.seed, role, env.index, 0)
        assert observation[env.index].tolist() == first_observation(seed), f"{role}: environment {env.index}"
    return envs


class PlainActor:
    """The policy in float64, layer by layer, from the actor's flat parameters."""

    def __init__(self, flat: torch.Tensor) -> None:
        widths = [6, 256, 256, 256, 4]
        self.layers: list[tuple[np.ndarray, np.ndarray]] = []
        numbers, at = flat.double().numpy(), 0
        for rows, columns in pairwise(widths):
            weight = numbers[at : at + rows * columns].reshape(rows, columns)
            bias = numbers[at + rows * columns : at + rows * columns + columns]
            self.layers.append((weight, bias))
            at += rows * columns + columns

    def action(self, observation: torch.Tensor, noise: np.ndarray | None) -> np.ndarray:
        """The action for one observation; the mean's without noise."""
        x = observation.double().numpy()
        for weight, bias in self.layers[:-1]:
            x = np.maximum(x @ weight + bias, 0.0)
        weight, bias = self.layers[-1]
        head = x @ weight + bias
        spread = 0.0
        if noise is not None:
            log_std = -5 + 3.5 * (np.tanh(head[2:]) + 1)
            spread = np.exp(log_std) * noise.astype(np.float64)
        squashed = np.tanh(head[:2] + spread)
        low, high = np.array(LOW), np.array(HIGH)
        return low + (high - low) * (squashed + 1) / 2


@dataclass
class Written:
    """What a run must have left."""

    lines: dict[int, dict[str, Any]] = field(default_factory=dict)
    """Iteration -> channel -> what its digest is of, or for the learner's the digest itself."""
    values: dict[int, dict[str, float]] = field(default_factory=dict)
    rows: list[dict[str, float | str]] = field(default_factory=list)
    """Of metrics.csv."""
    scalars: dict[tuple[str, int], float] = field(default_factory=dict)
    """(TensorBoard tag, step) -> value, times left out."""


class PlainRun:
    """Tells a story again and holds it to what had to happen.

    Args:
        config: the run's flags.
        story: of a run that was never interrupted.
    """

    def __init__(self, config: TrainConfig, story: Story) -> None:
        self.config, self.story = config, story
        self.count, self.length = config.num_envs, config.steps_per_env
        self.envs_story = story.envs[0]
        ((episode, self.first, seeds),) = self.envs_story.resets
        assert episode == 0
        expected = [episode_seed(config.seed, "train", env, 0) for env in range(self.count)]
        assert seeds.tolist() == expected
        self.envs = begun(config, "train", self.count, config.partial_reset, self.first)
        self.history: list[list[list[float]]] = []
        """Step -> environment -> transition."""
        self.since_evaluation: list[dict[str, float]] = []
        self.since_log: list[dict[str, float]] = []
        self.evaluations: list[dict[str, float]] = []
        self.written = Written()

    def tell(self) -> Written:
        """Tell all of it."""
        config = self.config
        self.written.lines[0] = {"env.seed": self.envs_story.resets[0][2], "rollout.obs": self.first}
        self._end(0, [])
        for k in range(1, config.iterations + 1):
            if config.overlap:
                updates = self._learn(k, (k - 1) * self.length)
                self._roll_out(k)
            else:
                self._roll_out(k)
                updates = self._learn(k, k * self.length)
            self._record(k, updates)
            self._log(k, updates)
            self._end(k, updates)
        assert len(self.envs_story.steps) == config.iterations * self.length
        assert len(self.story.updates) == self.story.learners[-1][2] == sum(self._due(k) for k in self._numbers())
        return self.written

    def _numbers(self) -> range:
        return range(1, self.config.iterations + 1)

    def _due(self, k: int) -> int:
        """Gradient steps that iteration k takes."""
        config = self.config
        stored = k - 1 if config.overlap else k
        learns = stored > 0 and stored * config.training_freq >= config.learning_starts
        return int(config.training_freq * config.utd) if learns else 0

    def _steps(self, k: int) -> list[tuple[int, torch.Tensor, StepBatch]]:
        return self.envs_story.steps[(k - 1) * self.length : k * self.length]

    def _roll_out(self, k: int) -> None:
        """Each environment's actions are those of its own streams, and what it answers is what is kept."""
        config = self.config
        warm_up = k == 1 or (k - 1) * config.training_freq < config.learning_starts
        actor = PlainActor(self.story.learners[k - 1][0])
        for number, (_, actions, batch) in enumerate(self._steps(k), (k - 1) * self.length):
            observation = self.envs_story.steps[number - 1][2].observation if number else self.first
            row = []
            for env in self.envs:
                e = env.index
                self._check_action(warm_up, actor, number, e, observation[e], actions[e])
                row.append(self._transition(observation[e], actions[e], batch, e))
                ended = env.take(batch)
                if ended is not None:
                    self.since_evaluation.append(ended)
                    self.since_log.append(ended)
            self.history.append(row)

    def _check_action(
        self, warm_up: bool, actor: PlainActor, number: int, e: int, observation: torch.Tensor, action: torch.Tensor
    ) -> None:
        seed = self.config.seed
        if warm_up:
            low, high = np.array(LOW, np.float32), np.array(HIGH, np.float32)
            expected = low + (high - low) * Stream(seed, "action.warm_up", e).uniform(number, (2,))
            assert action.tolist() == expected.tolist(), f"warm-up, step {number}, environment {e}"
        else:
            noise = Stream(seed, "action.noise", e).normal(number, (2,))
            near = pytest.approx(actor.action(observation, noise), abs=2e-5)
            assert action.numpy() == near, f"policy, step {number}, environment {e}"

    def _transition(self, observation: torch.Tensor, action: torch.Tensor, batch: StepBatch, e: int) -> list[float]:
        terminated, truncated = bool(batch.terminated[e]), bool(batch.truncated[e])
        stop = {"always": False, "never": terminated or truncated, "truncated": terminated}
        parts = [*observation.tolist(), *action.tolist(), batch.reward[e].item()]
        return [*parts, float(stop[self.config.bootstrap_at_done]), *batch.next_observation[e].tolist()]

    def ring(self, rows: int) -> list[list[list[float]]]:
        """What the buffer holds after so many rows, place by place."""
        capacity = self.config.buffer_size // self.count
        held: list[list[list[float]]] = [[] for _ in range(min(rows, capacity))]
        for t in range(rows):
            held[t % capacity] = self.history[t]
        return held

    def _learn(self, k: int, rows: int) -> list[Any]:
        """Each gradient step gets the transitions and the noise that its iteration's streams drew."""
        config, due = self.config, self._due(k)
        start, end = self.story.learners[k - 1][2], self.story.learners[k][2]
        assert end - start == due, f"iteration {k}: {end - start} gradient steps, expected {due}"
        if not due:
            return []
        ring, size = self.ring(rows), config.batch_size
        self.index = Stream(config.seed, "replay.index").integers(k, len(ring) * self.count, (due, size))
        self.noise = Stream(config.seed, "update.noise").normal(k, (due, 2, size, 2))
        self.batches = [[ring[i // self.count][i % self.count] for i in row] for row in self.index.tolist()]
        updates = self.story.updates[start:end]
        for number, (batch, noise, _) in enumerate(updates):
            rows_given = torch.tensor(self.batches[number])
            where = f"iteration {k}, gradient step {number}"
            names = {"observation": slice(6), "action": slice(6, 8), "reward": 8, "stop_bootstrap": 9}
            for name, columns in {**names, "next_observation": slice(10, None)}.items():
                assert torch.equal(batch[name], rows_given[:, columns]), f"{where}: {name}"
            assert torch.equal(noise, torch.from_numpy(self.noise[number])), f"{where}: noise"
        return [info for _, _, info in updates]

    def _record(self, k: int, infos: list[Any]) -> None:
        """The line of iteration k, but for the learner and the evaluation."""
        steps = self._steps(k)
        before = [self.first, *(batch.observation for _, _, batch in self.envs_story.steps)]
        answers = [batch for _, _, batch in steps]
        flags = [torch.stack([getattr(one, name) for one in answers]) for name in ("terminated", "truncated")]
        rewards = torch.stack([one.reward for one in answers])
        line: dict[str, Any] = {
            "env.seed": torch.stack([one.reset_seed for one in answers]),
            "rollout.obs": torch.stack(before[(k - 1) * self.length : k * self.length]),
            "rollout.action": torch.stack([action for _, action, _ in steps]),
            "rollout.reward": rewards,
            "rollout.next_obs": torch.stack([one.next_observation for one in answers]),
            "rollout.done": flags,
        }
        values = {"reward": rewards.double().mean().item()}
        if infos:
            line["replay.index"] = torch.from_numpy(self.index)
            line["replay.batch"] = [torch.tensor(batch) for batch in self.batches]
            line["update.noise"] = torch.from_numpy(self.noise)
            line["update.critic_loss"] = torch.stack([info.critic_losses for info in infos])
            line["update.alpha"] = torch.stack([info.alpha for info in infos])
            values["critic_loss"] = infos[-1].critic_losses.sum().item()
            values["alpha"] = infos[-1].alpha.item()
            actor = [info.actor_loss for info in infos if info.actor_loss is not None]
            if actor:
                line["update.actor_loss"] = torch.stack(actor)
                values["actor_loss"] = actor[-1].item()
        self.written.lines[k], self.written.values[k] = line, values

    def _log(self, k: int, infos: list[Any]) -> None:
        """TensorBoard gets the last gradient step's losses, and means of the episodes since it last did."""
        config, step = self.config, k * self.config.training_freq
        if not infos or step % config.log_freq >= config.training_freq:
            return
        scalars = self.written.scalars
        scalars.update({(f"losses/{name}", step): value for name, value in losses_of(infos).items()})
        scalars.update({(f"train/{name}", step): value for name, value in means(self.since_log).items()})
        self.since_log = []

    def _end(self, k: int, infos: list[Any]) -> None:
        """The learner's channels, and the evaluation where one is due."""
        config, step = self.config, k * self.config.training_freq
        line = self.written.lines[k]
        line.update(self.story.learners[k][1])
        due = config.eval_freq and (k == config.iterations or step % config.eval_freq < config.training_freq)
        if not due:
            return
        actions, episodes = self._evaluate(k)
        returns, success = ([episode[name] for episode in episodes] for name in ("return", "success_once"))
        line["eval.action"] = actions
        line["eval.return"] = [torch.tensor(column, dtype=torch.float64) for column in (returns, success)]
        self.written.values.setdefault(k, {})["eval.return"] = math.fsum(returns) / len(returns)
        found = means(episodes)
        self.written.scalars.update({(f"eval/{name}", step): value for name, value in found.items()})
        self._row(step, found, infos)

    def _evaluate(self, k: int) -> tuple[torch.Tensor, list[dict[str, float]]]:
        """An evaluation begins with the same episodes as every other, and takes the policy's mean."""
        config, story, number = self.config, self.story.envs[1], len(self.evaluations)
        # The reset of each evaluation, and the steps that follow it.
        episode, observation, seeds = story.resets[number]
        steps = [entry for entry in story.steps if entry[0] == number + 1]
        assert episode == 0 and len(steps) == config.num_eval_steps
        envs = begun(config, "eval", config.num_eval_envs, config.eval_partial_reset, observation)
        assert seeds.tolist() == [episode_seed(config.seed, "eval", env.index, 0) for env in envs]
        actor, ended = PlainActor(self.story.learners[k][0]), []
        for _, actions, batch in steps:
            for env in envs:
                expected = actor.action(observation[env.index], None)
                assert actions[env.index].numpy() == pytest.approx(expected, abs=2e-5), f"evaluation {number}"
                metrics = env.take(batch)
                ended += [metrics] if metrics is not None else []
            observation = batch.observation
        return torch.stack([actions for _, actions, _ in steps]), ended

    def _row(self, step: int, found: dict[str, float], infos: list[Any]) -> None:
        """A row of metrics.csv: this evaluation, the mean of the last five, training since the row, and losses."""
        shown = ("success_once", "success_at_end", "return")
        self.evaluations.append(found)
        recent = self.evaluations[-5:]
        row: dict[str, float | str] = {"step": step, **{name: found[name] for name in shown}}
        row |= {f"{name}_avg": sum(one[name] for one in recent) / len(recent) for name in shown}
        train = means(self.since_evaluation)
        row |= {f"train_{name}": train.get(name, "") for name in shown}
        row["train_episodes"] = len(self.since_evaluation)
        lost = losses_of(infos)
        row |= {name: lost.get(name, "") for name in ("qf_loss", "actor_loss", "alpha_loss", "alpha")}
        self.written.rows.append(row)
        self.since_evaluation = []


def losses_of(infos: list[Any]) -> dict[str, float]:
    """What logs show of an iteration's gradient steps: the last critic and actor loss, values and temperature."""
    if not infos:
        return {}
    losses, values = infos[-1].critic_losses.tolist(), infos[-1].q_values.tolist()
    found = {"qf1_loss": losses[0], "qf2_loss": losses[1], "qf_loss": (losses[0] + losses[1]) / 2}
    found |= {"qf1_values": values[0], "qf2_values": values[1], "alpha": infos[-1].alpha.item()}
    for name in ("actor_loss", "alpha_loss"):
        told = [value for info in infos if (value := getattr(info, name)) is not None]
        if told:
            found[name] = told[-1].item()
    return found


def means(episodes: list[dict[str, float]]) -> dict[str, float]:
    """Mean of each metric; empty without episodes."""
    if not episodes:
        return {}
    return {name: math.fsum(one[name] for one in episodes) / len(episodes) for name in METRICS}


def told_by_tensorboard(folder: Path) -> dict[tuple[str, int], float]:
    """All scalars of a run folder but times: (tag, step) -> value."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    tags = [tag for tag in events.Tags()["scalars"] if not tag.startswith("time/")]
    return {(tag, event.step): event.value for tag in tags for event in events.Scalars(tag)}
