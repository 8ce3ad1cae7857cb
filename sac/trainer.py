"""The training loop: collect, store, learn, witness, evaluate."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from sac.checkpoint.checkpoint import Cadence, Checkpoint, Checkpoints, Position
from sac.checkpoint.resume import Resume, check_drift, command_line, join, open_checkpoint, require_ahead
from sac.config import BadConfig, TrainConfig, check
from sac.envs import own_tasks
from sac.envs.make import costly_evaluation, make_envs, probe_simulator, resolve_device
from sac.envs.protocol import SplitStep, VectorEnv
from sac.envs.workers.pool import resolve_workers
from sac.learner.factory import make_learner
from sac.learner.gradient_steps import GradientSteps, Updates
from sac.learner.overlap import ActorCopy, Shares, share_sizes
from sac.learner.sac import Learner
from sac.ledger.file import LedgerWriter
from sac.ledger.recorder import Iteration, Witness
from sac.numerics import profiles
from sac.numerics.fingerprint import fingerprint
from sac.replay import ReplayBuffer, RowLayout
from sac.rollout.collector import Collector, Rollout
from sac.rollout.episodes import take_means
from sac.rollout.evaluation import Evaluation, evaluate
from sac.rollout.policy import CapturedPolicy
from sac.rollout.video import VideoRecorder, find_render_backend
from sac.run import folder as run_folder
from sac.run import policy_file
from sac.run.folder import RunFolder
from sac.run.lock import RunLock
from sac.run.logs import Logs
from sac.run.metrics_file import MetricsFile, new_metrics
from sac.run.signals import Stopped, StopSignals
from sac.run.storage import StorageError
from sac.run.tracking import Tracker, begin_tracking
from sac.state import TrainState


def train(config: TrainConfig, resume: Resume | None = None) -> RunFolder:
    """Train as configured and write the run folder, or go on with one.

    Raises:
        BadConfig: a flag's value can't be used, or the run can't be resumed.
        LoadedTooEarly: torch or NumPy was loaded before the profile was prepared; the message says what to call.
        NumericsError: the numerics profile's promise can't be kept here.
        EnvironmentFault: an environment failed or gave a number that is not finite; what came before is written.
        StorageError: a checkpoint can't be written; those before it are whole.
        Stopped: a signal asked for it; a checkpoint has been written.
    """
    # A resumed run needs the policy that it began from no more: it is in the checkpoint.
    check(replace(config, checkpoint=None) if resume else config)
    profiles.set_variables(config.numerics)
    own_tasks.require_no_import()
    config = own_tasks.with_origin(config, resolve_workers(config.workers, config.num_envs))
    device = resolve_device(config)
    profiles.apply(config.numerics, config.threads)
    with ExitStack() as stack:
        signals = stack.enter_context(StopSignals())
        checkpoint = _claim(resume, config, stack)
        render_backend, no_video = find_render_backend(config)
        envs, eval_envs = make_envs(config, device, stack, render_backend)
        # Whatever can be refused is refused before the folder exists.
        learner = make_learner(config, envs.spec, device)
        if config.checkpoint is not None and resume is None:
            policy_file.load(Path(config.checkpoint), learner)
        arithmetic = fingerprint(config.numerics, device.type, probe_simulator(config))
        if resume is not None:
            check_drift(resume, checkpoint, arithmetic)
        folder = resume.folder if resume else run_folder.choose(config)
        recorder = VideoRecorder(eval_envs, folder.videos) if eval_envs and render_backend != "none" else None
        trainer = Trainer(config, learner, envs, eval_envs, folder, arithmetic, recorder)
        if checkpoint is not None:
            trainer.restore(checkpoint)
        logs = _open(trainer, resume, checkpoint, stack, signals)
        for line in filter(None, (no_video, costly_evaluation(config))):
            logs.say(line)
        _run(trainer)
    return folder


def _open(
    trainer: Trainer, resume: Resume | None, checkpoint: Checkpoint | None, stack: ExitStack, signals: StopSignals
) -> Logs:
    """Make the run folder, or cut it to where the run goes on, and open its files.

    Only now, when nothing can be refused any more, is the folder changed.
    """
    config, folder, arithmetic = trainer.config, trainer.folder, trainer.fingerprint
    tracker = begin_tracking(config, folder.root.name, resume.manifest if resume else {})
    if tracker is not None:
        stack.push(lambda _, error, __: tracker.close(error is not None))
    more = {"wandb": tracker.identity()} if tracker else {}
    if resume is not None:
        header = join(resume, checkpoint, config, arithmetic, more)
    else:
        trainer.keep_folder = _new_folder(folder, stack)
        header = run_folder.write_manifest(folder, config, arithmetic, more)
    return trainer.open(stack, header, signals, tracker)


def _run(trainer: Trainer) -> None:
    """Run, and where a file can't be written say how to go on."""
    try:
        trainer.run()
    except BrokenPipeError:
        raise
    except (OSError, StorageError) as error:
        if not trainer.has_begun:
            raise
        raise StorageError(f"{error}. Once it can be written again: {command_line(trainer.folder)}") from error


def _claim(resume: Resume | None, config: TrainConfig, stack: ExitStack) -> Checkpoint | None:
    """Lock the folder of a run that goes on, and read where it stands."""
    if resume is None:
        return None
    lock = stack.enter_context(RunLock(resume.folder.lock))
    if lock.took_over is not None:
        print(f"sac train: {lock.took_over} died here: its lock is stale, and taken over", file=sys.stderr)
    checkpoint = open_checkpoint(resume)
    if checkpoint is None:
        print("sac train: no checkpoint yet: the run starts from the beginning", file=sys.stderr)
    else:
        require_ahead(checkpoint, config)
    return checkpoint


def _new_folder(folder: RunFolder, stack: ExitStack) -> Callable[[], None]:
    """Make and lock the folder of a new run; returns what is to be called once it is worth keeping."""
    made = stack.enter_context(run_folder.NewFolder(folder))
    stack.enter_context(RunLock(folder.lock))
    # Again, now that nobody else can begin one here.
    run_folder.require_unused(folder)
    return made.keep


class Trainer:
    """One training run; `run` does all of it, `iterate` one iteration."""

    def __init__(
        self,
        config: TrainConfig,
        learner: Learner,
        envs: VectorEnv,
        eval_envs: VectorEnv | None,
        folder: RunFolder,
        fingerprint: Mapping[str, Any],
        recorder: VideoRecorder | None = None,
    ) -> None:
        self.config, self.folder = config, folder
        self.device = learner.state.log_alpha.device
        self.eval_envs, self.recorder = eval_envs, recorder
        self.learner = learner
        self.acting = ActorCopy(learner) if config.overlap else None
        captured = config.cuda_graph and self.device.type == "cuda"
        shape = envs.num_envs, envs.spec.observation_dim, envs.spec.action_dim
        policy = self.acting or learner
        self.collector = Collector(
            config, envs, learner, CapturedPolicy(policy, shape, self.device) if captured else policy
        )
        self.layout = RowLayout(envs.spec.observation_dim, envs.spec.action_dim)
        buffer_device = self.device if config.buffer_device == "cuda" else torch.device("cpu")
        self.replay = _make_replay(self.layout, config, buffer_device)
        self.state = TrainState(self.learner.state, self.replay.state, self.collector.state, new_metrics())
        self._steps = GradientSteps(config, learner, self.replay)
        self._witness = Witness(learner.state, captured=captured)
        # On a CPU the environments would have to wait for a core meanwhile: measured, nothing is gained.
        self._lines_wait = isinstance(envs, SplitStep) and self.device.type == "cuda"
        self.fingerprint, self._resumed = fingerprint, False
        self.keep_folder: Callable[[], None] = lambda: None
        self._checkpoints = Checkpoints(folder.states, config, fingerprint)
        self._cadence = Cadence(config.checkpoint_freq)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint instead of from the start.

        Raises:
            BadCheckpoint: it does not fit this run, or its replay rows are damaged.
            EnvironmentFault: an environment in mid-episode does not come to the observation that it had.
        """
        journal = checkpoint.fill(self.state)
        self.collector.restore_simulators()
        self._checkpoints = Checkpoints(self.folder.states, self.config, self.fingerprint, journal)
        self._resumed = True

    @property
    def has_begun(self) -> bool:
        """Whether an iteration has been begun, so that there is something to go on with."""
        return self._resumed or self.state.iteration > 0

    def open(
        self,
        stack: ExitStack,
        header: Mapping[str, Any],
        signals: StopSignals | None = None,
        tracker: Tracker | None = None,
    ) -> Logs:
        """Open the files that the run writes; closed with `stack`."""
        after, step = (self.state.iteration, self.state.global_step) if self._resumed else (None, None)
        self._signals = signals or StopSignals()
        self.logs = stack.enter_context(Logs(self.config, self.folder, step, tracker))
        self._metrics = stack.enter_context(MetricsFile(self.folder.metrics, self.state.metrics, append=self._resumed))
        if self.config.ledger_freq:
            self._witness.ledger = stack.enter_context(LedgerWriter(self.folder.ledger, header, after))
        return self.logs

    def run(self) -> None:
        """Train to the end; the ledger's line 0 is the state before the first iteration.

        Raises:
            Stopped: a signal asked for it; a checkpoint has been written.
        """
        try:
            self._train()
        except BaseException:
            # What came before a fault is in the ledger, too; and the fault is what people must hear of.
            try:
                self._witness.settle()
            except Exception as error:
                self.logs.say(f"the ledger lacks its last line, which could not be written: {error}")
            raise
        self._witness.settle()

    def _train(self) -> None:
        if not self._resumed:
            first = self.collector.first_seeds, self.collector.state.observation
            self._close_iteration(Iteration(0, self.state.global_step, first=first))
        while self.state.global_step < self.config.total_timesteps:
            self.keep_folder()
            self._stop_if_asked()
            self.iterate()
            if self._cadence.due(self.state.iteration):
                self.save_checkpoint()
        # The small file first: a disk that is too full for the checkpoint may still take it.
        if self.config.save_model:
            policy_file.save(self.learner, self.folder.policy)
        if float(self.config.checkpoint_freq.removesuffix("m")):
            size = self._checkpoints.finish(self.state, self._position())
            self.logs.say(
                f"checkpoint of the finished run: {size / 1e6:,.0f} MB in {self.folder.states}; it serves to train on "
                f"({command_line(self.folder)} --total_timesteps=…), and nothing else needs it"
            )

    def save_checkpoint(self) -> None:
        """Write a checkpoint of the run as it stands; what the run has written so far reaches the disk before it."""
        self._checkpoints.save(self.state, self._position())

    def _position(self) -> Position:
        """Hand all that the run has written so far to the disk; returns how long the files are."""
        self.logs.sync()
        return Position(self._witness.sync(), self._metrics.sync())

    def _stop_if_asked(self) -> None:
        name = self._signals.requested
        if name is None:
            return
        self.save_checkpoint()
        raise Stopped(
            f"stopped by {name} after iteration {self.state.iteration} (step {self.state.global_step}), with a "
            f"checkpoint; to go on: {command_line(self.folder)}"
        )

    def iterate(self) -> None:
        """One iteration: roll out, store, learn, witness, and evaluate where it is due."""
        state = self.state
        # As in ManiSkill's sac.py the policy acts from the first iteration after one that learned; overlapped, in it.
        warm_up = state.iteration == 0 or state.global_step < self.config.learning_starts
        state.iteration += 1
        witnessed = self._ledger_due()
        advance = self._advance if self.acting is None else self._advance_overlapped
        rollout, updates = advance(warm_up, witnessed)
        self._log(updates)
        left = Iteration(state.iteration, state.global_step, rollout, updates) if witnessed else None
        self._close_iteration(left)

    def _advance(self, warm_up: bool, witnessed: bool) -> tuple[Rollout, Updates | None]:
        """Roll out and store, then learn."""
        with self.logs.timed("rollout_time"):
            rollout = self.collector.collect(warm_up, self._witness.settle)
            self._store(rollout)
        updates = None
        if self._learning_due():
            with self.logs.timed("update_time"):
                shares = [self.config.grad_steps_per_iteration]
                *_, updates = self._steps.shares(self.state.iteration, shares, witnessed=witnessed)
        return rollout, updates

    def _advance_overlapped(self, warm_up: bool, witnessed: bool) -> tuple[Rollout, Updates | None]:
        """Roll out and meanwhile learn from what is stored, then store: see `overlap`.

        The time of the rollout is what gradient steps did not hide, the wait for a GPU and a late ledger line included.
        """
        assert self.acting is not None
        start = time.perf_counter()
        self.acting.refresh()
        sizes = share_sizes(self.config.grad_steps_per_iteration, self.config.steps_per_env)
        steps = self._steps.shares(self.state.iteration, sizes, witnessed=witnessed)
        shares = Shares(steps if self._learning_due() else iter(()))

        def meanwhile() -> None:
            # First the line of the last iteration: it tells of the parameters that gradient steps are about to change.
            self._witness.settle()
            shares.next()

        rollout = self.collector.collect(warm_up, meanwhile)
        self._store(rollout)
        self.logs.book("update_time", shares.seconds)
        self.logs.book("rollout_time", time.perf_counter() - start - shares.seconds)
        return rollout, shares.updates

    def _store(self, rollout: Rollout) -> None:
        rows = rollout.pack(self.layout, self.config.bootstrap_at_done)
        self.replay.add(rows.to(self.replay.state.rows.device))
        self.state.global_step += self.config.training_freq

    def _learning_due(self) -> bool:
        """Whether the replay buffer holds enough to learn from."""
        enough = len(self.replay) > 0 and self.state.global_step >= self.config.learning_starts
        return enough and self.config.grad_steps_per_iteration > 0

    def _ledger_due(self) -> bool:
        if not self.config.ledger_freq:
            return False
        state, config = self.state, self.config
        due = state.iteration % config.ledger_freq == 0 or state.iteration == config.iterations
        return due or self._evaluation_due(state.global_step + config.training_freq)

    def _close_iteration(self, left: Iteration | None) -> None:
        """Witness what the iteration left, and evaluate where it is due.

        The ledger's line is written at once, unless the time that it takes can be hidden behind the next env step.
        """
        if left is not None:
            self._witness.owe(left)
        due = self._evaluation_due(self.state.global_step)
        if due:
            self._witness.evaluated(self._evaluate)
        if due or not self._lines_wait:
            self._witness.settle()
        self.logs.progress(self.state.global_step)

    def _evaluation_due(self, step: int) -> bool:
        """Whether `step` is the first at or after a multiple of eval_freq, or the last of the run."""
        config = self.config
        if config.eval_freq == 0:
            return False
        last = step >= config.total_timesteps
        return last or _crossed(step, config.training_freq, config.eval_freq)

    def _evaluate(self) -> Evaluation:
        if self.eval_envs is None:
            raise RuntimeError("an evaluation is due, but no evaluation environments were made")
        with self.logs.timed("eval_time"):
            watch = self.recorder.watch if self.recorder is not None else None
            evaluation = evaluate(self.eval_envs, self._eval_policy, self.config.num_eval_steps, watch=watch)
        step, means = self.state.global_step, evaluation.episodes.means()
        if self.recorder is not None:
            self.recorder.save(step)
        self.logs.scalars({f"eval/{name}": value for name, value in means.items()}, step)
        self.logs.scalars({"time/eval_time": self.logs.last["eval_time"]}, step)
        self.logs.evaluation(step, means, evaluation.episodes.count, self.logs.last["eval_time"])
        self._metrics.write(step, means, self.collector.state.since_evaluation)
        if self.config.save_model:
            policy_file.save(self.learner, self.folder.checkpoints / f"policy_{step}.pt")
        return evaluation

    def _eval_policy(self, observation: torch.Tensor) -> torch.Tensor:
        return self.learner.act_mean(observation.to(self.device)).to(observation.device)

    def _log(self, updates: Updates | None) -> None:
        config, step = self.config, self.state.global_step
        if updates is None or not _crossed(step, config.training_freq, config.log_freq):
            return
        self.logs.scalars(losses(updates), step)
        self.logs.scalars(self.logs.times(config.training_freq), step)
        means = take_means(self.collector.state.since_log)
        self.logs.scalars({f"train/{name}": value for name, value in means.items()}, step)


def _make_replay(layout: RowLayout, config: TrainConfig, device: torch.device) -> ReplayBuffer:
    try:
        return ReplayBuffer(layout, config.num_envs, config.buffer_size, device)
    except RuntimeError as error:
        size = config.buffer_size * layout.width * 4 / 2**30
        raise BadConfig(f"--buffer_size {config.buffer_size}: {size:.1f} GiB can't be had on {device.type}") from error


def _crossed(step: int, stride: int, every: int) -> bool:
    """Whether a multiple of `every` lies in (step - stride, step]; ManiSkill's rule for its eval_freq and log_freq."""
    return (step - stride) // every < step // every


def losses(updates: Updates) -> dict[str, float]:
    """The `losses/…` scalars that ManiSkill's `sac.py` writes, of the iteration's last gradient step."""
    info = updates.info
    critic, q = info.critic_losses[-1].tolist(), info.q_values[-1].tolist()
    scalars = {f"losses/qf{e + 1}_values": value for e, value in enumerate(q)}
    scalars |= {f"losses/qf{e + 1}_loss": value for e, value in enumerate(critic)}
    scalars |= {"losses/qf_loss": sum(critic) / 2, "losses/alpha": float(info.alpha[-1])}
    for name in ("actor_loss", "alpha_loss"):
        values = getattr(info, name)
        if values is not None:
            scalars[f"losses/{name}"] = float(values[-1])
    return scalars
