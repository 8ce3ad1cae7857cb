"""The state and its walk: each leaf once, nothing unknown, and nothing that training changes left out."""

import dataclasses
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch

from sac.config import TrainConfig
from sac.envs.factory import make_vector_env
from sac.envs.make import make_eval_envs
from sac.learner import sac as learner_module
from sac.learner.sac import Learner
from sac.output import make_recorder, open_output
from sac.rollout.collector import Collector
from sac.rollout.episodes import EpisodeLog
from sac.run.folder import RunFolder
from sac.run.metrics_file import MetricsFile
from sac.schedule import Schedule
from sac.state import Parameters, TrainState, walk
from sac.streams import EpisodeSeeds
from sac.trainer import Trainer
from sac.training import Training
from tests.silent import SILENT

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
CONFIG = TrainConfig(
    env_id="Point-v1",
    num_envs=2,
    num_eval_envs=2,
    training_freq=16,
    batch_size=8,
    buffer_size=64,
    learning_starts=16,
    eval_freq=32,
    ledger_freq=0,
    **SILENT,
)

NAMES = [
    *("learner.actor.flat", "learner.critic.flat", "learner.target.flat", "learner.log_alpha"),
    *("learner.actor_optim.step", "learner.actor_optim.exp_avg", "learner.actor_optim.exp_avg_sq"),
    *("learner.critic_optim.step", "learner.critic_optim.exp_avg", "learner.critic_optim.exp_avg_sq"),
    *("learner.alpha_optim.step", "learner.alpha_optim.exp_avg", "learner.alpha_optim.exp_avg_sq"),
    *("learner.updates", "replay.rows", "replay.position", "replay.size", "replay.written", "collector.observation"),
    *("collector.episodes", "collector.totals.episode_return", "collector.totals.length"),
    *("collector.totals.success_once", "collector.totals.fail_once", "collector.actions"),
    *("collector.since_evaluation.sums", "collector.since_evaluation.count"),
    *("collector.since_log.sums", "collector.since_log.count", "collector.steps"),
    *("metrics.recent", "metrics.evaluations", "iteration", "global_step"),
]
INTEGERS = 10

DERIVED = {
    "training.learner.actor.gradient": "scratch: written whole before it is read",
    "training.learner.critics.gradient": "scratch: written whole before it is read",
    "training.learner._log_alpha_gradient": "scratch: written whole before it is read",
    "training.collector.envs._state": "the simulator: restored by replaying the episode's actions from its seed",
    "training.collector.envs._steps": "the simulator: restored by replaying the episode's actions from its seed",
    "eval_envs": "every evaluation begins with a reset",
    "output.metrics._checksum": "of the file: a checkpoint keeps it with the file's length",
    "output.logs": "wall-clock times, which no two runs share",
    "training.collector._drawn": "noise drawn ahead: a function of the step's number",
    "training.gradient_steps._rows": "the batch at hand: each gradient step gathers it anew",
}
"""Beginning of an attribute's path -> why the state need not hold it."""


@pytest.fixture
def trainer(tmp_path):
    with ExitStack() as stack:
        yield make_trainer(tmp_path, stack)


def make_trainer(folder, stack, config=CONFIG):
    root = RunFolder(folder)
    envs = make_vector_env("Point-v1", config.num_envs, EpisodeSeeds(config.seed, "train"), device=CPU)
    learner = learner_module.Learner(config, envs.spec, CPU)
    training = Training(config, learner, envs)
    output = open_output(stack, training, root, {}, {})
    recorder = make_recorder(training, output.ledger)
    return Trainer(training, output, recorder, Schedule(config), make_eval_envs(config, CPU))


def content(value):
    """Value and memory of a tensor, array or number."""
    if isinstance(value, torch.Tensor):
        value = value.detach()
        return value.contiguous().numpy().tobytes(), value.untyped_storage().data_ptr()
    if isinstance(value, np.ndarray):
        return value.tobytes(), value.__array_interface__["data"][0]
    return value, None


def reachable(node, path="", seen=None):
    """Yield (path, tensor, array or number) for all that attributes and containers of this package lead to."""
    seen = set() if seen is None else seen
    if isinstance(node, int | float | torch.Tensor | np.ndarray):
        yield path, node
        return
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, dict):
        children = list(node.items())
    elif isinstance(node, list | tuple | set) or type(node).__name__ == "deque":
        children = list(enumerate(node))
    elif type(node).__module__.startswith(("sac.", __name__)) and hasattr(node, "__dict__"):
        children = list(vars(node).items())
    else:
        return
    for name, child in children:
        yield from reachable(child, f"{path}.{name}" if path else str(name), seen)


def changed(trainer, iterations):
    """Paths of everything below the trainer that these iterations change, with its memory."""
    before = {path: content(value)[0] for path, value in reachable(trainer)}
    for _ in range(iterations):
        trainer.iterate()
    after = {path: content(value) for path, value in reachable(trainer)}
    return {path: where for path, (value, where) in after.items() if before.get(path) != value}


HOMES = {
    "training.learner.state.": "learner.",
    "training.replay.state.": "replay.",
    "training.collector.state.": "collector.",
    "training.state.": "",
}
"""The trainer reaches the parts of its state by other paths first: beginning of such a path -> of the leaf's name."""


def is_leaf(path, names):
    return any(path.startswith(home) and name + path[len(home) :] in names for home, name in HOMES.items())


def assert_state_covers(trainer, derived=tuple(DERIVED)):
    """All that iterations change is a leaf of the state, shares memory with one, or is declared derived."""
    trainer.iterate()
    found = changed(trainer, 3)
    leaves = dict(walk(trainer.state))
    memory = {content(leaf)[1] for leaf in leaves.values()}
    memory |= {where for path, where in found.items() if path.startswith(derived)}
    memory -= {None}
    beside = [path for path, where in found.items() if where not in memory and not is_leaf(path, leaves)]
    missed = [path for path in beside if not path.startswith(derived)]
    assert not missed, f"training changes {', '.join(missed)}, which TrainState does not hold"
    return found


def test_names_and_order_of_the_leaves_are_fixed(trainer):
    assert [name for name, _ in walk(trainer.state)] == NAMES


def test_every_leaf_is_visited_once(trainer):
    leaves = [leaf for _, leaf in walk(trainer.state) if not isinstance(leaf, int)]
    memory = [content(leaf)[1] for leaf in leaves]
    assert len(set(memory)) == len(memory) == len(NAMES) - INTEGERS


def test_all_that_training_changes_is_in_the_state(trainer):
    found = assert_state_covers(trainer)
    leaves = {f"training.{leaf}" for leaf in ("learner.state.actor.flat", "replay.state.rows", "state.global_step")}
    assert leaves <= set(found)
    stale = [start for start in DERIVED if not any(path.startswith(start) for path in found)]
    assert not stale, f"nothing that changes begins with {stale}: remove the excuse"


def test_overlapped_training_changes_one_thing_more_which_each_iteration_begins_with_writing(tmp_path):
    config = dataclasses.replace(CONFIG, overlap=True)
    with ExitStack() as stack:
        trainer = make_trainer(tmp_path, stack, config)
        found = assert_state_covers(trainer, derived=(*DERIVED, "training.acting._parameters."))
        assert "training.acting._parameters.flat" in found
        assert [name for name, _ in walk(trainer.state)] == NAMES
        with torch.no_grad():
            trainer.training.acting._parameters.flat.fill_(float("nan"))
        trainer.iterate()
        assert torch.isfinite(trainer.state.collector.actions).all()


def test_every_leaf_but_the_rare_ones_changes_in_training(trainer):
    before = {name: content(leaf)[0] for name, leaf in walk(trainer.state)}
    for _ in range(3):
        trainer.iterate()
    still = [name for name, leaf in walk(trainer.state) if content(leaf)[0] == before[name]]
    # No episode of the point task fails, and success is rare.
    assert set(still) <= {"collector.totals.fail_once", "collector.totals.success_once"}


class Momentum(Learner):
    """A fault: something evolves beside the state."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.average = torch.zeros(())

    def update(self, batch, noise):
        info = super().update(batch, noise)
        self.average = self.average * 0.9 + info.critic_losses.sum()
        return info


class CountsRollouts(Collector):
    """A fault: a count that no checkpoint would hold."""

    rollouts = 0

    def collect(self, *arguments):
        self.rollouts += 1
        return super().collect(*arguments)


@pytest.mark.parametrize("part, kind", [("learner.sac.Learner", Momentum), ("training.Collector", CountsRollouts)])
def test_coverage_check_catches_what_evolves_beside_the_state(tmp_path, monkeypatch, part, kind):
    monkeypatch.setattr(f"sac.{part}", kind)
    with ExitStack() as stack:
        trainer = make_trainer(tmp_path, stack)
        with pytest.raises(AssertionError, match=r"which TrainState does not hold"):
            assert_state_covers(trainer)


def test_views_of_parameters_are_not_counted_again():
    parameters = Parameters.zeros({"a": (2, 3), "b": (4,)}, CPU)
    assert [name for name, _ in walk(parameters)] == ["flat"]
    parameters.views["b"][1] = 7.0
    assert parameters.flat.tolist() == [0.0] * 7 + [7.0, 0.0, 0.0]
    assert {name: tuple(view.shape) for name, view in parameters.views.items()} == {"a": (2, 3), "b": (4,)}


def test_views_of_another_flat_tensor_have_the_same_names_and_shapes():
    parameters = Parameters.zeros({"a": (2, 3), "b": (4,)}, CPU)
    gradient = torch.arange(10.0)
    views = parameters.views_of(gradient)
    assert views["a"].tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]] and views["b"].tolist() == [6.0, 7.0, 8.0, 9.0]
    views["b"].zero_()
    assert gradient[6:].tolist() == [0.0] * 4 and not parameters.flat.any()


def test_views_cover_the_flat_tensor_without_gaps(trainer):
    for parameters in (trainer.state.learner.actor, trainer.state.learner.critic, trainer.state.learner.target):
        joined = torch.cat([view.flatten() for view in parameters.views.values()])
        assert torch.equal(joined, parameters.flat)


@dataclass
class WithLate(TrainState):
    """The state as it may be one day."""

    late: torch.Tensor = field(default_factory=lambda: torch.ones(3))


def test_a_field_added_later_is_seen(trainer):
    parts = {f.name: getattr(trainer.state, f.name) for f in dataclasses.fields(TrainState)}
    assert [name for name, _ in walk(WithLate(**parts))] == [*NAMES, "late"]


@pytest.mark.parametrize(
    "leaf", [1.5, "text", None, [torch.zeros(1)], {"a": 1}, (1, 2), np.float32(1), torch.Generator(), TrainState]
)
def test_an_unknown_kind_of_leaf_is_refused(leaf):
    holder = dataclasses.make_dataclass("Holder", [("good", int), ("inner", object)])
    with pytest.raises(TypeError, match=r"^inner\.inner: .*walk can't store it"):
        list(walk(holder(1, holder(2, leaf))))


@pytest.mark.parametrize("leaf", [1, True, torch.zeros(2), np.zeros(2)])
def test_a_known_kind_of_leaf_is_yielded_as_it_is(leaf):
    assert [(name, value is leaf) for name, value in walk(leaf, "x")] == [("x", True)]


def test_an_episode_log_is_no_state():
    # It grows without bound and holds lists: walking it must fail, not pass in silence.
    with pytest.raises(TypeError):
        list(walk(EpisodeLog()))
    with pytest.raises(TypeError):
        list(walk(MetricsFile))
