"""`python -m tools.mutants.flips [--count N]`: one last bit changed at a drawn place, and where the ledger says it was.

Each flip moves one float to its neighbour in one run of the point task, in weights, moments, temperature, observations,
actions, rewards, successors, replay rows, noise, or what a gradient step has just written. It must be detected in the
iteration in which it happens, and named by the channel of what was flipped.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from sac.config import TrainConfig
from sac.envs.point import PointVectorEnv
from sac.envs.protocol import StepBatch
from sac.learner.factory import learner_kind
from sac.learner.gradient_steps import GradientSteps
from sac.learner.sac import Learner
from sac.ledger.comparison import compare
from sac.ledger.file import Ledger, read_ledger
from sac.numerics import profiles
from sac.rollout.collector import Collector
from sac.streams import Stream
from sac.trainer import Trainer, train

ITERATIONS, STEPS, ENVS, UPDATES = 6, 3, 2, 3
FIRST_LEARNING = 2
FLIPPED_RUN = TrainConfig(
    env_id="Point-v1",
    num_envs=ENVS,
    training_freq=ENVS * STEPS,
    batch_size=4,
    buffer_size=24,
    learning_starts=FIRST_LEARNING * ENVS * STEPS,
    utd=UPDATES / (ENVS * STEPS),
    total_timesteps=ITERATIONS * ENVS * STEPS,
    eval_freq=0,
    threads=1,
    device="cpu",
    capture_video=False,
    save_model=False,
    tensorboard=False,
    progress=False,
    checkpoint_freq="0",
)
CPU = torch.device("cpu")
LEAVES: dict[str, Callable[[Any], torch.Tensor]] = {
    "param.critic": lambda learner: learner.critic.flat,
    "param.actor": lambda learner: learner.actor.flat,
    "param.target": lambda learner: learner.target.flat,
    "param.log_alpha": lambda learner: learner.log_alpha,
    "optim.critic": lambda learner: learner.critic_optim.exp_avg,
    "optim.actor": lambda learner: learner.actor_optim.exp_avg,
    "optim.alpha": lambda learner: learner.alpha_optim.exp_avg,
    "optim.critic of second order": lambda learner: learner.critic_optim.exp_avg_sq,
    "optim.actor of second order": lambda learner: learner.actor_optim.exp_avg_sq,
}
ANSWERED = {"rollout.reward": "reward", "rollout.next_obs": "next_observation"}


@dataclass(frozen=True)
class Flip:
    """One last bit.

    Attributes:
        kind: what is flipped; its first word is the channel.
        when: ``before`` the iteration, ``after`` its last gradient step, or ``within`` it.
        iteration: from 1.
        place: picks a step, an environment and an element, each modulo how many there are.
        up: whether the float grows.
    """

    kind: str
    when: str
    iteration: int
    place: int
    up: bool

    @property
    def channel(self) -> str:
        """Where it must show."""
        return self.kind.partition(" ")[0]


def draw(count: int, seed: int = 17) -> list[Flip]:
    """Return so many flips, every kind as often as every other."""
    kinds = [(name, when) for name in LEAVES for when in ("before", "after")]
    kinds += [(name, "within") for name in ("rollout.obs", "rollout.action", *ANSWERED, "replay.batch", "update.noise")]
    places = Stream(seed, "flips").integers(0, 2**40, (count, 3)).tolist()
    found = []
    for number, (iteration, place, up) in enumerate(places):
        kind, when = kinds[number % len(kinds)]
        # Moments are zero, and nothing is learned or drawn, before learning begins.
        first = 1 if kind.startswith("rollout.") else FIRST_LEARNING + 1
        # Second moments are squares: below zero would be no rounding.
        found.append(
            Flip(
                kind,
                when,
                first + iteration % (ITERATIONS + 1 - first),
                place,
                up % 2 == 0 or kind.endswith("second order"),
            )
        )
    return found


def flip(tensor: torch.Tensor, place: int, up: bool) -> None:
    """Move one element of a contiguous tensor to the next float."""
    flat = tensor.view(-1)
    index = place % flat.numel()
    flat[index] = torch.nextafter(flat[index], torch.tensor(torch.inf if up else -torch.inf))


@contextmanager
def planted(one: Flip) -> Iterator[None]:
    """Let the run that is trained within meet one flip."""
    with ExitStack() as stack:
        for owner, name, changed in _patches(one):
            stack.enter_context(patch.object(owner, name, changed))
        yield


def _patches(one: Flip) -> list[tuple[Any, str, Callable[..., Any]]]:
    if one.when == "before":
        return [(Trainer, "iterate", _before(one))]
    if one.when == "after":
        return [(learner_kind(CPU), "update", _after(one))]
    if one.kind == "replay.batch":
        return [(GradientSteps, "begin", _row(one))]
    if one.kind == "update.noise":
        return [(GradientSteps, "_noise", _noise(one))]
    if one.kind in ANSWERED:
        return [(PointVectorEnv, "step", _answer(one))]
    return [(Collector, "_policy_action", _acting(one)), (Collector, "_uniform_action", _acting(one, warm_up=True))]


def _before(one: Flip) -> Callable[..., Any]:
    own = Trainer.iterate

    def iterate(self: Trainer) -> None:
        if self.state.iteration + 1 == one.iteration:
            flip(LEAVES[one.kind](self.state.learner), one.place, one.up)
        own(self)

    return iterate


def _after(one: Flip) -> Callable[..., Any]:
    own = learner_kind(CPU).update
    last = (one.iteration + 1 - FIRST_LEARNING) * UPDATES

    def update(self: Learner, batch: Any, noise: torch.Tensor) -> Any:
        info = own(self, batch, noise)
        if self.state.updates == last:
            flip(LEAVES[one.kind](self.state), one.place, one.up)
        return info

    return update


def _row(one: Flip) -> Callable[..., Any]:
    own = GradientSteps.begin

    def begin(self: GradientSteps, iteration: int, sizes: Sequence[int], *, recorded: bool) -> Any:
        if iteration == one.iteration:
            shape = UPDATES, FLIPPED_RUN.batch_size
            drawn = Stream(FLIPPED_RUN.seed, "replay.index").integers(iteration, len(self.replay), shape).ravel()
            row = self.replay.state.rows.flatten(0, 1)[int(drawn[one.place % len(drawn)])]
            flip(row, one.place // 64, one.up)
        return own(self, iteration, sizes, recorded=recorded)

    return begin


def _noise(one: Flip) -> Callable[..., Any]:
    own = GradientSteps._noise

    def noise(self: GradientSteps, iteration: int) -> torch.Tensor:
        drawn = own(self, iteration)
        if iteration == one.iteration:
            flip(drawn, one.place, one.up)
        return drawn

    return noise


def _step_of(one: Flip) -> int:
    return (one.iteration - 1) * STEPS + one.place // 1024 % STEPS


def _answer(one: Flip) -> Callable[..., Any]:
    own = PointVectorEnv.step

    def step(self: PointVectorEnv, action: torch.Tensor) -> StepBatch:
        batch = own(self, action)
        taken = getattr(self, "_taken", 0)
        self._taken = taken + 1  # type: ignore[attr-defined]
        if taken == _step_of(one):
            values = getattr(batch, ANSWERED[one.kind]).clone()
            flip(values, one.place, one.up)
            batch = replace(batch, **{ANSWERED[one.kind]: values})
        return batch

    return step


def _acting(one: Flip, *, warm_up: bool = False) -> Callable[..., Any]:
    own = Collector._uniform_action if warm_up else Collector._policy_action

    def act(self: Collector) -> torch.Tensor:
        if self.state.steps != _step_of(one):
            return own(self)
        if one.kind == "rollout.obs":
            # What the collector has stored already: the flip is in memory, not in the environment.
            flip(self.state.observation, one.place, one.up)
            return own(self)
        action = own(self)
        flip(action, one.place, one.up)
        return action

    return act


@contextmanager
def small_runs() -> Iterator[Callable[[Path], Ledger]]:
    """Let trainings be quick: small networks, no look at the machine. Yields what trains in a folder."""

    def run(folder: Path) -> Ledger:
        return read_ledger(train(replace(FLIPPED_RUN, run_dir=str(folder))).root)

    with (
        patch("sac.learner.networks.HIDDEN", (16, 16)),
        patch("sac.trainer.fingerprint", lambda *arguments: {"profile": "deterministic"}),
        patch("sac.run.folder.git_revision", lambda: None),
    ):
        yield run


def found_at(flips: Sequence[Flip], folder: Path) -> list[tuple[int, str] | None]:
    """Return the iteration and channel at which each flip is found; None where it is not."""
    with small_runs() as run:
        clean = run(folder / "clean")
        places: list[tuple[int, str] | None] = []
        for number, one in enumerate(flips):
            with planted(one):
                first = compare(clean, run(folder / f"flip-{number}")).first
            places.append((first.iteration, first.channel) if first is not None else None)
        return places


def main(arguments: Sequence[str] | None = None) -> int:
    """0: all are detected in their iteration and named by their channel; 1: not all."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutants.flips", description=__doc__)
    parser.add_argument("--count", type=int, default=500, help="how many (default %(default)s)")
    parser.add_argument("--seed", type=int, default=17, help="of the draw of places (default %(default)s)")
    options = parser.parse_args(arguments)
    flips, start = draw(options.count, options.seed), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sac-flips-", ignore_cleanup_errors=True) as temporary:
        places = found_at(flips, Path(temporary))
    right: Counter[str] = Counter()
    for one, place in zip(flips, places, strict=True):
        if place == (one.iteration, one.channel):
            right[f"{one.kind}, {one.when}"] += 1
        else:
            print(f"{one} found at {place}")
    for kind, count in sorted(Counter(f"{one.kind}, {one.when}" for one in flips).items()):
        print(f"{kind:48} {right[kind]:4} of {count}")
    total, seconds = sum(right.values()), time.monotonic() - start
    print(f"{total} of {len(flips)} detected in their iteration, at their channel; {seconds:.0f} s")
    return 0 if total == len(flips) else 1


if __name__ == "__main__":
    profiles.prepare("deterministic")
    sys.exit(main())
