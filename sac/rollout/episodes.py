"""Episode metrics with the names that ManiSkill's baselines log."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch

from sac.envs.protocol import StepBatch
from sac.state import EpisodeState, EpisodeSums

EPISODE_METRICS = (
    "success_once",
    "success_at_end",
    "fail_once",
    "fail_at_end",
    "return",
    "episode_len",
    "reward",
)


def advance(totals: EpisodeState, step: StepBatch, done: torch.Tensor) -> dict[str, torch.Tensor]:
    """Add one step to the running totals, and return the metrics of the episodes that it ended.

    Args:
        totals: running totals, changed in place; those of ended episodes restart at zero.
        step: the step, on any device.
        done: (N,) bool, which episodes ended.

    Returns:
        metric -> (number of ended episodes,) float64, in the order of the environments.
    """
    success, fail, ended = step.success.cpu(), step.fail.cpu(), done.cpu()
    totals.episode_return += step.reward.cpu().double()
    totals.length += 1
    totals.success_once |= success
    totals.fail_once |= fail
    if not bool(ended.any()):
        return {}
    columns = {
        "success_once": totals.success_once,
        "success_at_end": success,
        "fail_once": totals.fail_once,
        "fail_at_end": fail,
        "return": totals.episode_return,
        "episode_len": totals.length,
        "reward": totals.episode_return / totals.length,
    }
    finished = {name: column[ended].double() for name, column in columns.items()}
    for total in (totals.episode_return, totals.length, totals.success_once, totals.fail_once):
        total[ended] = 0
    return finished


class EpisodeLog:
    """Metrics of all episodes seen since the last `means`."""

    def __init__(self) -> None:
        self._parts: dict[str, list[torch.Tensor]] = {name: [] for name in EPISODE_METRICS}

    def add(self, finished: Mapping[str, torch.Tensor]) -> None:
        """Add the episodes that one step ended: metric -> (number of episodes,) float64, from `advance`."""
        for name, values in finished.items():
            self._parts[name].append(values)

    def extend(self, other: EpisodeLog, most: int) -> None:
        """Add the first `most` episodes of another log."""
        self.add({name: other.values(name)[:most] for name in EPISODE_METRICS})

    @property
    def count(self) -> int:
        """Number of episodes held."""
        return sum(len(part) for part in self._parts["return"])

    def values(self, name: str) -> torch.Tensor:
        """Return one metric of every episode held, (count,) float64."""
        parts = self._parts[name]
        return torch.cat(parts) if parts else torch.empty(0, dtype=torch.float64)

    def means(self) -> dict[str, float]:
        """Return the mean of each metric; empty if no episode has ended."""
        return {name: float(self.values(name).mean()) for name in EPISODE_METRICS} if self.count else {}


def add_to(sums: EpisodeSums, finished: Mapping[str, torch.Tensor]) -> None:
    """Add the episodes that one step ended: metric -> (number of episodes,) float64, from `advance`."""
    if finished:
        sums.sums += torch.stack([finished[name].sum() for name in EPISODE_METRICS])
        sums.count += len(finished["return"])


def take_means(sums: EpisodeSums) -> dict[str, float]:
    """Return the mean of each metric, empty if no episode has ended; the sums restart at zero."""
    means = dict(zip(EPISODE_METRICS, (sums.sums / sums.count).tolist(), strict=True)) if sums.count else {}
    sums.sums.zero_()
    sums.count = 0
    return means


def wilson_interval(successes: float, trials: int, z: float = 1.96) -> tuple[float, float]:
    """Return the 95 % confidence interval of a success rate (Wilson, JASA 1927); (0, 1) without trials."""
    if trials == 0:
        return 0.0, 1.0
    rate = successes / trials
    centre = (rate + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
    return max(0.0, centre - half), min(1.0, centre + half)
