"""What collector, replay, evaluation, ledger and logs make of a run is what a plain model says, value by value."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from sac.checkpoint.resume import find_run
from sac.config import TrainConfig
from sac.digest import Digester, digest, digester_for
from sac.ledger.file import read_ledger
from sac.rollout.collector import Collector
from sac.run.metrics_file import MetricsFile
from sac.run.signals import Stopped, StopSignals
from sac.trainer import train
from tests.examples import fewer
from tests.reference.plain_run import EPISODE, PlainRun, told_by_tensorboard, watched
from tests.silent import SILENT

pytestmark = pytest.mark.usefixtures("one_thread")

BASE = TrainConfig(
    env_id="Point-v1",
    num_envs=3,
    num_eval_envs=2,
    num_eval_steps=9,
    training_freq=12,
    batch_size=5,
    buffer_size=75,
    learning_starts=24,
    utd=0.25,
    total_timesteps=120,
    eval_freq=12,
    log_freq=24,
    threads=1,
    device="cpu",
    **{**SILENT, "tensorboard": True},
)
CHANNELS_OF_STEPS = ("env.seed", "rollout.obs", "rollout.action", "rollout.reward", "rollout.next_obs")

configs = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**40),
        "num_envs": st.integers(1, 4),
        "training_freq": st.sampled_from([12, 24]),
        "buffer_size": st.sampled_from([60, 75, 400]),
        "learning_starts": st.sampled_from([0, 24, 30]),
        "utd": st.sampled_from([0.0, 0.1, 0.25]),
        "policy_frequency": st.integers(1, 2),
        "autotune": st.booleans(),
        "partial_reset": st.booleans(),
        "eval_partial_reset": st.booleans(),
        "bootstrap_at_done": st.sampled_from(["always", "never", "truncated"]),
        "eval_freq": st.sampled_from([0, 12, 30]),
        "log_freq": st.sampled_from([12, 24, 36]),
        "overlap": st.booleans(),
    }
)


def assert_follows_the_model(folder, config):
    with watched() as story:
        train(replace(config, run_dir=str(folder)))
    run = PlainRun(config, story)
    written = run.tell()
    rows = story.trainer.state.replay.rows
    ring = run.ring(len(run.history))
    assert torch.equal(rows[: len(ring)], torch.tensor(ring)), "replay"
    assert not rows[len(ring) :].any()
    assert_lines(read_ledger(folder), written, config.num_envs)
    assert_metrics(folder / "metrics.csv", written.rows)
    if config.tensorboard:
        assert_scalars(told_by_tensorboard(folder), written.scalars)
    return story


def assert_lines(ledger, written, num_envs):
    assert [line.iteration for line in ledger.lines] == list(written.lines)
    for line in ledger.lines:
        contents = dict(written.lines[line.iteration])
        if "replay.batch" in contents:
            contents["replay.batch"] = [Digester("cpu").word_sum(batch) for batch in contents["replay.batch"]]
        told = {name: content for name, content in contents.items() if isinstance(content, str)}
        expected = {name: told.get(name) or digest(content) for name, content in contents.items()}
        unlike = [name for name in {**expected, **line.digests} if line.digests.get(name) != expected.get(name)]
        assert not unlike, f"iteration {line.iteration}"
        assert line.values == pytest.approx(written.values.get(line.iteration, {}), rel=1e-6)
        assert (line.steps == {}) == (line.iteration == 0)
        if line.steps:
            assert line.steps == marks(contents)


def marks(contents):
    """Channel -> the marks of each step and environment."""
    given = {name: contents[name] for name in CHANNELS_OF_STEPS}
    given["rollout.done"] = torch.stack(contents["rollout.done"], dim=-1)
    found = {name: digester_for("cpu").row_marks(values.flatten(0, 1)).tolist() for name, values in given.items()}
    return {name: "".join(f"{mark:04x}" for mark in row) for name, row in found.items()}


def assert_metrics(path, expected):
    with path.open(newline="") as lines:
        found = list(csv.DictReader(lines))
    assert len(found) == len(expected)
    for row, wanted in zip(found, expected, strict=True):
        assert list(row) == list(wanted)
        for name, value in wanted.items():
            shown = row[name] if row[name] == "" else float(row[name])
            # Losses are of single precision: halved before or after it is a matter of their last bit.
            close = 1e-6 if name in MetricsFile.LOSSES else 1e-12
            assert shown == (value if value == "" else pytest.approx(value, rel=close)), (row["step"], name)


def assert_scalars(found, expected):
    assert sorted(found) == sorted(expected)
    assert found == pytest.approx(expected, rel=1e-6)


# A failing run is small as it is: to make it smaller would take hundreds of trainings.
@given(configs)
@settings(fewer(15), phases=[Phase.explicit, Phase.reuse, Phase.generate], report_multiple_bugs=False)
def test_a_run_is_what_the_plain_model_says(tmp_path_factory, config):
    folder = tmp_path_factory.mktemp("plain") / "run"
    assert_follows_the_model(folder, replace(BASE, tensorboard=False, **config))


@pytest.mark.parametrize("overlap, bootstrap", [(False, "truncated"), (True, "never")])
def test_a_run_with_all_of_its_logs_is_what_the_plain_model_says(tmp_path, overlap, bootstrap):
    config = replace(BASE, overlap=overlap, partial_reset=True, bootstrap_at_done=bootstrap, tensorboard=True)
    story = assert_follows_the_model(tmp_path / "run", config)
    steps = [batch for _, _, batch in story.envs[0].steps]
    for name in ("terminated", "truncated", "success", "fail"):
        flags = torch.stack([getattr(batch, name) for batch in steps])
        assert flags.any() and not flags.all(), f"no {name} to be told apart"
    assert any((batch.terminated & ~batch.truncated).any() for batch in steps)
    assert any((batch.truncated & ~batch.terminated).any() for batch in steps)
    assert len(steps) * config.num_envs > config.buffer_size, "the ring never wraps"
    assert len(story.envs[1].resets) > 5, "fewer evaluations than the window of the moving averages"
    assert config.num_eval_steps > EPISODE


def stop_after(patch, iteration):
    """Ask the run to stop once it has done so many iterations."""
    asked = iter([None] * iteration + ["SIGTERM"])
    patch.setattr(StopSignals, "requested", property(lambda self: next(asked), lambda self, value: None), raising=False)


@pytest.mark.parametrize("stop", [3, 5])
def test_a_run_that_was_stopped_and_resumed_leaves_what_one_that_was_not_does(tmp_path, stop):
    """Logs included: some are due iterations after the checkpoint, over episodes from before it."""
    config = replace(BASE, tensorboard=True, log_freq=48, eval_freq=36)
    with watched():
        train(replace(config, run_dir=str(tmp_path / "whole")))
        with pytest.MonkeyPatch.context() as patch:
            stop_after(patch, stop)
            with pytest.raises(Stopped):
                train(replace(config, run_dir=str(tmp_path / "run")))
        resume = find_run(tmp_path / "run", None, False)
        train(resume.stored, resume)
    whole, run = tmp_path / "whole", tmp_path / "run"
    assert read_ledger(run).lines == read_ledger(whole).lines
    assert (run / "metrics.csv").read_bytes() == (whole / "metrics.csv").read_bytes()
    assert told_by_tensorboard(run) == told_by_tensorboard(whole)


def test_a_run_that_died_beyond_its_checkpoint_leaves_what_one_that_did_not_does(tmp_path, monkeypatch):
    """Ledger and metrics go on from the checkpoint of iteration 4: a line of 5 and 6, and the row of 6, come once."""
    config = replace(BASE, tensorboard=False, eval_freq=36, checkpoint_freq="4")
    collect, taken = Collector.collect, []

    def dying(self, *arguments):
        taken.append(None)
        if len(taken) == 7:
            raise MemoryError("planted")
        return collect(self, *arguments)

    with watched():
        train(replace(config, run_dir=str(tmp_path / "whole"), checkpoint_freq="0"))
        monkeypatch.setattr(Collector, "collect", dying)
        with pytest.raises(MemoryError, match="planted"):
            train(replace(config, run_dir=str(tmp_path / "run")))
        dead = read_ledger(tmp_path / "run").lines
        assert dead[-1].iteration == 6 and "eval.return" in dead[-1].digests
        resume = find_run(tmp_path / "run", None, False)
        train(resume.stored, resume)
    whole, run = tmp_path / "whole", tmp_path / "run"
    assert read_ledger(run).lines == read_ledger(whole).lines
    assert (run / "metrics.csv").read_bytes() == (whole / "metrics.csv").read_bytes()
