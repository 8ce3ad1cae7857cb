"""The training loop: what happens in which iteration, what is written of it, and what changes no bit of it."""

import csv
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sac.config import BadConfig, TrainConfig
from sac.digest import digest
from sac.envs.point import PointVectorEnv
from sac.learner.factory import make_learner
from sac.learner.gradient_steps import Updates
from sac.learner.sac import UpdateInfo
from sac.ledger.file import read_ledger
from sac.rollout.collector import Collector
from sac.run import policy_file
from sac.run.signals import Stopped, StopSignals
from sac.streams import EpisodeSeeds
from sac.trainer import losses, train
from tests.examples import fewer

pytestmark = pytest.mark.usefixtures("one_thread")

ITERATIONS, STRIDE = 8, 8
TINY = TrainConfig(
    env_id="Point-v1",
    num_envs=2,
    num_eval_envs=1,
    num_eval_steps=20,
    training_freq=STRIDE,
    batch_size=4,
    buffer_size=40,
    learning_starts=2 * STRIDE,
    utd=0.25,
    total_timesteps=ITERATIONS * STRIDE,
    eval_freq=0,
    threads=1,
    device="cpu",
    capture_video=False,
    save_model=False,
    tensorboard=False,
    progress=False,
    checkpoint_freq="0",
)
"""Eight iterations of two gradient steps each; the first two only fill the buffer, which is full after five."""
EVALUATION = ("eval.action", "eval.return")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Trains in a fresh folder, with other flags than `TINY`'s; returns the folder."""

    def run(**flags):
        folder = tmp_path_factory.mktemp("trainer") / "run"
        return train(replace(TINY, run_dir=str(folder), **flags))

    with pytest.MonkeyPatch.context() as patch:
        # What the machine is does not matter here, and takes longer to find out than training does.
        patch.setattr("sac.trainer.fingerprint", lambda *arguments: {"profile": "deterministic"})
        patch.setattr("sac.run.folder.git_revision", lambda: None)
        yield run


def lines_of(folder):
    return read_ledger(folder.ledger).lines


def training_of(folder):
    """Iteration -> its digests, without those of evaluations."""
    return {
        line.iteration: {name: value for name, value in line.digests.items() if name not in EVALUATION}
        for line in lines_of(folder)
    }


def evaluated_at(folder):
    return [line.global_step for line in lines_of(folder) if "eval.return" in line.digests]


def test_equal_seeds_write_equal_files_and_another_seed_others(trained):
    one, same, other = (trained(seed=seed, save_model=True, eval_freq=16) for seed in (3, 3, 4))
    assert [line.digests for line in lines_of(one)] == [line.digests for line in lines_of(same)]
    for name in ("policy", "metrics"):
        assert getattr(one, name).read_bytes() == getattr(same, name).read_bytes() != getattr(other, name).read_bytes()
    actors = [[line.digests["param.actor"] for line in lines_of(folder)] for folder in (one, other)]
    assert not set(actors[0]) & set(actors[1])


def test_line_0_is_the_state_before_the_first_iteration_and_each_one_has_a_line(trained):
    lines = lines_of(trained())
    assert [(line.iteration, line.global_step) for line in lines] == [(k, k * STRIDE) for k in range(ITERATIONS + 1)]
    assert {"env.seed", "rollout.obs", "param.actor"} <= set(lines[0].digests)
    assert not {"rollout.action", "update.critic_loss"} & set(lines[0].digests)
    assert lines[0].digests["param.actor"] == lines[1].digests["param.actor"], "iteration 1 learns nothing yet"


@given(st.integers(0, ITERATIONS + 1), st.integers(0, 7))
@fewer(20)
def test_learning_begins_with_the_iteration_that_reaches_learning_starts(trained, iterations, more):
    starts = iterations * STRIDE + more
    learned = [line.global_step for line in lines_of(trained(learning_starts=starts)) if "replay.index" in line.digests]
    assert learned == [step for step in range(STRIDE, TINY.total_timesteps + 1, STRIDE) if step >= starts]


@pytest.mark.parametrize("starts, uniform", [(0, 1), (8, 1), (9, 2), (16, 2), (1000, ITERATIONS)])
def test_actions_are_uniform_until_an_iteration_began_with_learning_starts(trained, monkeypatch, starts, uniform):
    asked, own = [], Collector.collect

    def collect(self, warm_up, *arguments):
        asked.append(warm_up)
        return own(self, warm_up, *arguments)

    monkeypatch.setattr(Collector, "collect", collect)
    trained(learning_starts=starts)
    assert asked == [True] * uniform + [False] * (ITERATIONS - uniform)


@pytest.mark.parametrize("every", [1, 5, 8, 11, 24, 40, 64, 100])
def test_evaluations_are_due_at_the_first_step_at_or_after_each_multiple_and_at_the_last(trained, every):
    multiples = range(0, TINY.total_timesteps + 1, every)
    due = {-(-multiple // STRIDE) * STRIDE for multiple in multiples} | {TINY.total_timesteps}
    folder = trained(eval_freq=every)
    assert evaluated_at(folder) == sorted(step for step in due if step <= TINY.total_timesteps)
    with folder.metrics.open(newline="") as file:
        assert [int(row["step"]) for row in csv.DictReader(file)] == evaluated_at(folder)


def test_an_evaluation_stands_beside_the_losses_of_the_iteration_before_it(trained):
    folder = trained(eval_freq=8)
    with folder.metrics.open(newline="") as file:
        lost = {int(row["step"]): row["qf_loss"] for row in csv.DictReader(file)}
    assert [step for step, value in lost.items() if not value] == [0, 8]
    assert len(set(lost.values())) == ITERATIONS, "each learning iteration has losses of its own"
    assert folder.success_history.read_text().splitlines()[0] == "step,success"
    assert len(folder.success_history.read_text().splitlines()) == len(folder.times.read_text().splitlines()) == 10


@pytest.fixture(scope="module")
def plain(trained):
    """The digests of a training that does nothing beside training."""
    return training_of(trained())


WITHOUT_EFFECT = [
    *({"eval_freq": 1}, {"eval_freq": 24, "num_eval_envs": 3}, {"save_model": True, "eval_freq": 16}),
    *({"checkpoint_freq": "3"}, {"tensorboard": True}, {"log_freq": 8}, {"workers": "serial"}),
]


@pytest.mark.parametrize("flags", WITHOUT_EFFECT, ids=str)
def test_what_is_done_beside_training_changes_no_bit_of_it(trained, plain, flags):
    assert training_of(trained(**flags)) == plain


@pytest.mark.parametrize("flags", [{"gamma": 0.81}, {"tau": 0.02}, {"q_lr": 1e-3}, {"batch_size": 5}], ids=str)
def test_what_training_is_made_of_changes_it_where_learning_begins(trained, plain, flags):
    """Negative control of the one above."""
    changed = training_of(trained(**flags))
    assert [number for number in plain if plain[number] != changed[number]] == list(range(2, ITERATIONS + 1))


@given(st.integers(1, 10))
@fewer(20)
def test_a_line_is_due_at_each_multiple_of_ledger_freq_and_at_the_end_and_holds_the_same(trained, plain, every):
    found = training_of(trained(ledger_freq=every))
    assert found == {number: plain[number] for number in plain if number % every == 0 or number == ITERATIONS}


def test_an_evaluation_has_its_line_whatever_the_ledgers_cadence(trained):
    folder = trained(ledger_freq=100, eval_freq=24)
    assert [line.iteration for line in lines_of(folder)] == [0, 3, 6, 8]
    assert evaluated_at(folder) == [0, 24, 48, 64]


def test_the_policy_that_is_saved_is_the_one_that_the_last_line_tells_of(trained):
    folder = trained(save_model=True)
    spec = PointVectorEnv(1, EpisodeSeeds(1, "train")).spec
    learner = make_learner(replace(TINY, seed=77), spec, torch.device("cpu"))
    policy_file.load(folder.policy, learner)
    assert digest(learner.state.actor.flat) == lines_of(folder)[-1].digests["param.actor"]


def test_without_gradient_steps_nothing_is_learned(trained):
    lines = lines_of(trained(utd=0.0))
    assert len({line.digests["param.critic"] for line in lines}) == 1
    assert not any("replay.index" in line.digests for line in lines)


def test_a_signal_stops_the_run_between_two_iterations_with_a_checkpoint(trained, tmp_path, monkeypatch):
    asked = iter([None, None, None, "SIGTERM"])
    asking = property(lambda self: next(asked), lambda self, value: None)
    monkeypatch.setattr(StopSignals, "requested", asking, raising=False)
    with pytest.raises(Stopped, match=r"SIGTERM after iteration 3 \(step 24\).*sac train --resume"):
        train(replace(TINY, run_dir=str(tmp_path / "run")))
    assert [line.iteration for line in read_ledger(tmp_path / "run" / "ledger.jsonl").lines] == [0, 1, 2, 3]
    assert list((tmp_path / "run" / "checkpoints" / "states").iterdir())


def test_a_folder_that_holds_a_run_is_refused_and_left_as_it_is(trained):
    folder = trained()
    before = {path: path.read_bytes() for path in folder.root.rglob("*") if path.is_file()}
    with pytest.raises(BadConfig, match="holds a run already"):
        train(replace(TINY, run_dir=str(folder.root)))
    assert {path: path.read_bytes() for path in folder.root.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("actor", [True, False])
def test_the_losses_that_are_logged_are_those_of_the_last_gradient_step(actor):
    info = UpdateInfo(
        critic_losses=torch.tensor([[9.0, 9.0], [1.0, 2.0]]),
        q_values=torch.tensor([[9.0, 9.0], [0.25, 0.5]]),
        actor_loss=torch.tensor([9.0, -3.0]) if actor else None,
        alpha_loss=torch.tensor([9.0, 0.125]) if actor else None,
        alpha=torch.tensor([9.0, 0.75]),
    )
    found = losses(Updates(torch.empty(0), torch.empty(0), info, None))
    expected = {"qf1_loss": 1.0, "qf2_loss": 2.0, "qf_loss": 1.5, "qf1_values": 0.25, "qf2_values": 0.5, "alpha": 0.75}
    expected |= {"actor_loss": -3.0, "alpha_loss": 0.125} if actor else {}
    assert found == {f"losses/{name}": value for name, value in expected.items()}
