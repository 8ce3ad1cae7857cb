"""When the ledger's lines are written: never too late to tell the truth, nor so late that one is lost."""

from contextlib import ExitStack

import pytest
import torch

from sac.checkpoint.index import read_index
from sac.config import TrainConfig
from sac.envs.factory import make_vector_env
from sac.envs.make import make_eval_envs
from sac.envs.protocol import EnvironmentFault
from sac.learner.factory import make_learner
from sac.ledger.file import read_ledger
from sac.ledger.recorder import Iteration, LedgerRecorder
from sac.output import make_recorder, open_output
from sac.run.folder import RunFolder
from sac.schedule import Schedule
from sac.streams import EpisodeSeeds
from sac.trainer import Trainer
from sac.training import Training

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
FLAGS = {
    "env_id": "Point-v1",
    "num_envs": 2,
    "training_freq": 4,
    "batch_size": 8,
    "buffer_size": 64,
    "learning_starts": 8,
    "total_timesteps": 24,
    "eval_freq": 0,
    "checkpoint_freq": "0",
    "tensorboard": False,
    "progress": False,
    "save_model": False,
}
EVENTS = ("begin", "write", "update", "end")


class SplitEnvs:
    """The point task, stepped as environments in other processes are."""

    def __init__(self, envs, events, fault_at=None):
        self.envs, self.events, self.fault_at, self.steps = envs, events, fault_at, 0

    def __getattr__(self, name):
        return getattr(self.envs, name)

    def begin_step(self, action):
        self.steps += 1
        if self.fault_at == ("begin", self.steps):
            raise EnvironmentFault("planted")
        self.events.append("begin")
        self.action = action

    def end_step(self):
        if self.fault_at == ("end", self.steps):
            raise EnvironmentFault("planted")
        self.events.append("end")
        return self.envs.step(self.action)


def make_trainer(folder, stack, events=None, split=True, fault_at=None, **flags):
    """A trainer whose environments, ledger and gradient steps tell when they have their turn."""
    events = [] if events is None else events
    config = TrainConfig(**{**FLAGS, "device": DEVICE.type, **flags})
    envs = make_vector_env("Point-v1", config.num_envs, EpisodeSeeds(config.seed, "train"), device=CPU)
    learner = make_learner(config, envs.spec, DEVICE)
    given = SplitEnvs(envs, events, fault_at) if split else envs
    eval_envs = make_eval_envs(config, CPU) if config.eval_freq else None
    training = Training(config, learner, given)
    training.gradient_steps.take = telling(training.gradient_steps.take, events, "update")
    # With a learner on the CPU nothing is gained, and the code is the same.
    assert deferred(make_recorder(training, None)) == (split and DEVICE.type == "cuda")
    folder.mkdir(exist_ok=True)
    output = open_output(stack, training, RunFolder(folder), {"config": config.to_dict()}, {})
    if output.ledger is not None:
        output.ledger.write = telling(output.ledger.write, events, "write")
    recorder = LedgerRecorder(output.ledger, learner.state, captured=training.captured, deferred=split)
    return Trainer(training, output, recorder, Schedule(config), eval_envs)


def telling(call, events, name):
    def told(*arguments):
        events.append(name)
        return call(*arguments)

    return told


def deferred(recorder):
    """Whether the recorder leaves a line to be written later."""
    written = []
    recorder.flush = lambda: written.append(None)
    recorder.end()
    return not written


def lines_of(folder, prepare=lambda trainer: None, **options):
    """Train, and return the ledger's lines; a planted fault may end it."""
    with ExitStack() as stack:
        trainer = make_trainer(folder, stack, **options)
        prepare(trainer)
        try:
            trainer.run()
        except EnvironmentFault as fault:
            assert str(fault) == "planted"
    return read_ledger(folder).lines


@pytest.mark.parametrize("overlap", [False, True])
def test_a_line_is_written_while_environments_elsewhere_take_the_next_step_and_before_the_learner_changes(
    tmp_path, overlap
):
    events = []
    with ExitStack() as stack:
        trainer = make_trainer(tmp_path / "run", stack, events, overlap=overlap)
        for _ in range(4):
            trainer.iterate()
        events.clear()
        trainer.iterate()
    learned_within = ["begin", "write", "update", "end", "begin", "update", "end"]
    learned_after = ["begin", "write", "end", "begin", "end", "update"]
    assert events == (learned_within if overlap else learned_after)


def test_a_line_is_written_at_once_where_nothing_hides_the_time_that_it_takes(tmp_path):
    events = []
    with ExitStack() as stack:
        make_trainer(tmp_path / "run", stack, events, split=False).iterate()
    assert events == ["write"]


EVALUATED = {"eval_freq": 8, "num_eval_envs": 2, "num_eval_steps": 20}
CADENCES = [{}, {"overlap": True}, EVALUATED, {"ledger_freq": 4}, {**EVALUATED, "ledger_freq": 3}]


@pytest.mark.parametrize("flags", CADENCES)
def test_lines_are_the_same_whenever_they_are_written(tmp_path, flags):
    late = lines_of(tmp_path / "late", **flags)
    at_once = lines_of(tmp_path / "at once", split=False, **flags)
    assert late == at_once
    freq = flags.get("ledger_freq", 1)
    evaluated = [0, 2, 4, 6] if "eval_freq" in flags else []
    assert [line.iteration for line in late] == [k for k in range(7) if k % freq == 0 or k == 6 or k in evaluated]
    assert [line.iteration for line in late if "eval.return" in line.digests] == evaluated


def test_a_line_written_after_the_learner_has_changed_would_differ(tmp_path):
    told = lines_of(tmp_path / "in time", overlap=True)
    with ExitStack() as stack:
        trainer = make_trainer(tmp_path / "late", stack, overlap=True)
        envs, flush = trainer.training.collector.envs, trainer.recorder.flush
        end_step = envs.end_step
        trainer.recorder.flush = lambda: None
        envs.end_step = lambda: flush() or end_step()
        for _ in range(6):
            trainer.iterate()
        flush()
    late = read_ledger(tmp_path / "late").lines
    assert [line.iteration for line in late] == [line.iteration for line in told[1:]]
    assert [line.digests["param.critic"] for line in late] != [line.digests["param.critic"] for line in told[1:]]


@pytest.mark.parametrize("step", range(1, 13))
@pytest.mark.parametrize("half", ["begin", "end"])
def test_a_fault_loses_no_line_of_an_iteration_that_was_finished(tmp_path, half, step):
    lines = lines_of(tmp_path / "run", fault_at=(half, step))
    assert [line.iteration for line in lines] == list(range((step - 1) // 2 + 1))


def test_a_checkpoint_counts_the_line_of_its_iteration(tmp_path):
    with ExitStack() as stack:
        trainer = make_trainer(tmp_path / "run", stack)
        header = trainer.output.folder.ledger.stat().st_size
        for iteration in range(1, 4):
            trainer.iterate()
            trainer.save_checkpoint()
            assert read_ledger(tmp_path / "run").lines[-1].iteration == iteration
            counted = read_index(trainer.output.folder.states, iteration).ledger_bytes
            assert counted == trainer.output.folder.ledger.stat().st_size - header


def test_a_line_that_can_not_be_written_is_reported_once_and_not_tried_again(tmp_path):
    with ExitStack() as stack:
        trainer = make_trainer(tmp_path / "run", stack)
        trainer.iterate()
        tries = []

        def fail(*arguments):
            tries.append(arguments)
            raise OSError("no space left")

        trainer.output.ledger.write = fail
        with pytest.raises(OSError, match="no space left"):
            trainer.recorder.flush()
        trainer.recorder.flush()
    assert len(tries) == 1


def test_a_line_that_would_replace_an_unwritten_one_is_an_error(tmp_path):
    with ExitStack() as stack:
        trainer = make_trainer(tmp_path / "run", stack)
        trainer.iterate()
        with pytest.raises(RuntimeError, match="line of iteration 1 was never written"):
            trainer.recorder.begin(Iteration(2, 8))


def test_without_a_ledger_nothing_is_begun(tmp_path):
    with ExitStack() as stack:
        trainer = make_trainer(tmp_path / "run", stack, ledger_freq=0)
        trainer.recorder.begin(Iteration(0, 0))
        assert trainer.recorder._begun is None
        trainer.run()
    assert not trainer.output.folder.ledger.exists()


@pytest.mark.parametrize("split", [False, True])
def test_an_iteration_whose_evaluation_failed_has_no_line(tmp_path, split):
    def fail_at_the_second(trainer):
        evaluate, calls = trainer._evaluate, []

        def second_fails(updates):
            calls.append(None)
            if len(calls) == 2:
                raise EnvironmentFault("planted")
            return evaluate(updates)

        trainer._evaluate = second_fails

    lines = lines_of(tmp_path / "run", fail_at_the_second, split=split, **EVALUATED)
    assert [line.iteration for line in lines] == [0, 1]


def test_a_line_that_can_not_be_written_hides_no_fault(tmp_path, capsys):
    def full_disk(trainer):
        write = trainer.output.ledger.write

        def fail(iteration, *others):
            if iteration == 2:
                raise OSError("no space left")
            write(iteration, *others)

        trainer.output.ledger.write = fail

    lines = lines_of(tmp_path / "run", full_disk, fault_at=("begin", 5))
    assert [line.iteration for line in lines] == [0, 1]
    assert "the ledger lacks its last line, which could not be written: no space left" in capsys.readouterr().err
