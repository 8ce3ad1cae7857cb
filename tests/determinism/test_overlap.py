"""`--overlap`: learning beside the environments gives the bits of learning in their pauses, whoever is first."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from sac.config import TrainConfig
from sac.envs.factory import make_vector_env
from sac.learner.factory import make_learner
from sac.learner.overlap import ActorCopy
from sac.learner.sac import Learner
from sac.numerics import profiles
from sac.replay import ReplayBuffer, RowLayout
from sac.rollout.collector import Collector
from sac.state import walk
from sac.streams import Streams
from sac.trainer import Trainer, train
from tests.determinism.runs import POINT, assert_equal, assert_parts_at, run_here
from tests.determinism.test_free_of_side_effects import training_channels

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return run_here(tmp_path_factory.mktemp("base"), overlap=True)


def defined(config: TrainConfig) -> dict[str, object]:
    """The state at the end of a run as docs/overlap.md defines it: one thing after the other, learning first."""
    profiles.apply(config.numerics, config.threads)
    streams = Streams(config.seed)
    envs = make_vector_env(config.env_id, config.num_envs, streams.training_episodes, ignore_terminations=True)
    learner, layout = make_learner(config, envs.spec, CPU), RowLayout(envs.spec.observation_dim, envs.spec.action_dim)
    replay = ReplayBuffer(layout, config.num_envs, config.buffer_size, CPU)
    collector = Collector(config, envs, learner, streams)
    for k in range(1, config.iterations + 1):
        before = learner.state.actor.flat.clone()
        warm_up = k == 1 or collector.state.steps * config.num_envs < config.learning_starts
        if not warm_up:
            learn(config, learner, replay, k)
        after = learner.state.actor.flat.clone()
        learner.state.actor.flat.copy_(before)
        rollout = collector.collect(warm_up)
        learner.state.actor.flat.copy_(after)
        replay.add(rollout.pack(layout, config.bootstrap_at_done))
    return leaves(learner.state, replay.state, collector.state)


def learn(config: TrainConfig, learner: Learner, replay: ReplayBuffer, k: int) -> None:
    """The gradient steps of iteration k."""
    shape = (config.grad_steps_per_iteration, config.batch_size)
    index = Streams(config.seed).replay_index.integers(k, len(replay), shape)
    noise = Streams(config.seed).update_noise.normal(k, (shape[0], 2, shape[1], replay.layout.action_dim))
    for chosen, draw in zip(torch.from_numpy(index), torch.from_numpy(noise), strict=True):
        learner.update(replay.layout.unpack(replay.gather(chosen)), draw)


def leaves(*states: object) -> dict[str, object]:
    return {f"{place}.{name}": leaf for place, state in enumerate(states) for name, leaf in walk(state)}


def trained(config: TrainConfig, folder) -> dict[str, object]:
    """The state at the end of the trainer's run."""
    kept: list[Trainer] = []
    run_all = Trainer.run
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "run", lambda self: (kept.append(self), run_all(self)))
        train(replace(config, run_dir=str(folder)))
    state = kept[0].state
    return leaves(state.learner, state.replay, state.collector)


def differing(a: dict[str, object], b: dict[str, object]) -> list[str]:
    assert a.keys() == b.keys() and len(a) > 20
    return [name for name in a if not torch.equal(torch.as_tensor(a[name]), torch.as_tensor(b[name]))]


# Evaluations empty a sum of the collector's, and the definition has none.
DEFINED = replace(POINT, overlap=True, eval_freq=0, partial_reset=False)
SIZES = {
    "as many gradient steps as env steps": {},
    "fewer gradient steps than env steps": {"utd": 0.125},
    "unlike shares": {"num_envs": 2, "utd": 0.7},
    "one env step": {"num_envs": 16},
    "learning from the start": {"learning_starts": 0},
    "a full ring": {"buffer_size": 40},
}


@pytest.mark.parametrize("name", SIZES)
def test_it_computes_what_its_definition_says(tmp_path, name):
    config = replace(DEFINED, **SIZES[name])
    assert differing(defined(config), trained(config, tmp_path / "run")) == []


def live_actor(patch):
    """A fault: the environments act by parameters that the learner is changing."""
    patch.setattr(ActorCopy, "act", lambda self, observation, noise: self._learner.act(observation, noise))


def copied_once(patch):
    """A fault: the environments go on acting by the parameters of the beginning."""
    refresh = ActorCopy.refresh
    patch.setattr(ActorCopy, "refresh", lambda self: None if self._parameters.flat.any() else refresh(self))


def learned_at_once(patch):
    """A fault: an iteration learns from what it has collected itself, as without `--overlap`."""
    advance = Trainer._advance
    patch.setattr(
        Trainer, "_advance_overlapped", lambda self, *how: (self.training.acting.refresh(), advance(self, *how))[1]
    )


@pytest.mark.parametrize("plant", [live_actor, copied_once, learned_at_once])
def test_what_departs_from_the_definition_is_seen(tmp_path, monkeypatch, plant):
    """Negative control of the test above."""
    plant(monkeypatch)
    assert differing(defined(DEFINED), trained(DEFINED, tmp_path / "run"))


SPREADS = {
    "all first": lambda count, chunks: [count, *[0] * (chunks - 1)],
    "all last": lambda count, chunks: [*[0] * (chunks - 1), count],
    "unlike": lambda count, chunks: [count - 1, *[0] * (chunks - 2), 1],
}


@pytest.mark.parametrize("name", SPREADS)
def test_no_bit_depends_on_which_gradient_step_is_done_during_which_env_step(base, tmp_path, monkeypatch, name):
    monkeypatch.setattr("sac.trainer.chunk_sizes", SPREADS[name])
    assert_equal(base, run_here(tmp_path / "run", overlap=True))


def test_no_bit_depends_on_whether_environments_or_learner_are_first(base, tmp_path, monkeypatch):
    def environments_first(self, action, meanwhile, *, draw_next):
        step = self.envs.step(action)
        meanwhile()
        return step

    monkeypatch.setattr(Collector, "_step", environments_first)
    assert_equal(base, run_here(tmp_path / "run", overlap=True))


def test_an_actor_that_the_learner_changes_meanwhile_would_be_noticed(tmp_path, monkeypatch):
    """Negative control of the two tests above: with the learner's own actor the order does matter."""
    live_actor(monkeypatch)
    first = run_here(tmp_path / "first", overlap=True)
    monkeypatch.setattr("sac.trainer.chunk_sizes", SPREADS["all last"])
    assert_parts_at(first, run_here(tmp_path / "second", overlap=True), "rollout.action", iteration=5)


def test_it_differs_from_the_default_from_the_first_gradient_step_on(base, tmp_path):
    """By default iteration 4 learns from what it has collected; overlapped, iteration 5 is the first to."""
    default = run_here(tmp_path / "default")
    learned = [[line.iteration for line in run.lines if "replay.index" in line.digests] for run in (default, base)]
    assert learned == [[4, 5, 6, 7, 8, 9, 10], [5, 6, 7, 8, 9, 10]]
    assert_parts_at(base, default, "replay.index", iteration=4)


CHANGES = {
    "evaluated often": {"eval_freq": 16},
    "not evaluated": {"eval_freq": 0},
    "checkpoints, and fewer lines": {"checkpoint_freq": "2", "ledger_freq": 3},
    "logged at each iteration": {"log_freq": 1, "tensorboard": True},
    "longer": {"total_timesteps": 240},
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_run_shows_and_saves_changes_nothing(base, tmp_path, name):
    changed = run_here(tmp_path / "changed", overlap=True, **CHANGES[name])
    assert_equal(training_channels(base), training_channels(changed))
