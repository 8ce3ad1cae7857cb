"""The training loop: collect, store, learn, record, evaluate."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sac.checkpoint.checkpoint import Cadence, Checkpoint, Position
from sac.checkpoint.resume import Resume, check_drift, command_line, join, open_checkpoint, require_ahead
from sac.config import BadConfig, TrainConfig, check
from sac.display.terminal import refuse
from sac.envs import own_tasks
from sac.envs.make import costly_evaluation, make_envs, probe_simulator, resolve_device
from sac.envs.protocol import EnvironmentFault, VectorEnv
from sac.envs.workers.pool import resolve_workers
from sac.errors import OutOfMemory, is_out_of_memory, memory_ran_out
from sac.learner.factory import make_learner
from sac.learner.finite import FiniteCheck
from sac.learner.gradient_steps import ChunkedSteps, Updates
from sac.learner.overlap import chunk_sizes
from sac.ledger.recorder import Iteration, LedgerRecorder
from sac.numerics import profiles
from sac.numerics.fingerprint import fingerprint
from sac.output import RunOutput, make_recorder, open_output
from sac.rollout.collector import Rollout
from sac.rollout.episodes import take_means
from sac.rollout.evaluation import Evaluation, evaluate
from sac.rollout.video import VideoRecorder, find_render_backend
from sac.run import folder as run_folder
from sac.run import policy_file
from sac.run.folder import RunFolder
from sac.run.held_folder import FolderMoved, HeldFolder
from sac.run.lock import RunLock
from sac.run.signals import Stopped, StopSignals
from sac.run.storage import StorageError
from sac.run.tracking import begin_tracking
from sac.schedule import Schedule
from sac.state import TrainState
from sac.training import Training


@dataclass(frozen=True)
class Interference:
    """What changes a run from outside, for an experiment.

    Attributes:
        before: called before each iteration; may change the state.
        told: what the manifest says of it, under `interference`.
    """

    before: Callable[[TrainState], None]
    told: Mapping[str, Any]


def train(config: TrainConfig, resume: Resume | None = None, interference: Interference | None = None) -> RunFolder:
    """Train as configured and write the run folder, or resume a run.

    Raises:
        BadConfig: a flag's value can't be used, or the run can't be resumed.
        LoadedTooEarly: torch or NumPy was loaded before the profile was prepared; the message says what to call.
        NumericsError: the numerics profile's promise can't be kept here.
        EnvironmentFault: an environment failed or returned a number that is not finite; what came before is written.
        StorageError: a file can't be written; earlier checkpoints are intact.
        Stopped: a signal asked for it; a checkpoint has been written.
    """
    # A resumed run no longer needs the policy that it started from: it is in the checkpoint.
    check(replace(config, checkpoint=None) if resume else config)
    profiles.set_variables(config.numerics)
    own_tasks.require_no_import()
    config = own_tasks.with_origin(config, resolve_workers(config.workers, config.num_envs))
    device = resolve_device(config)
    profiles.apply(config.numerics, config.threads)
    with ExitStack() as stack:
        signals = stack.enter_context(StopSignals())
        held = stack.enter_context(HeldFolder(resume.folder.root)) if resume else None
        checkpoint = _claim(resume, config, stack)
        render_backend, no_video = find_render_backend(config)
        envs, eval_envs = make_envs(config, device, stack, render_backend, signals.asked)
        # Everything that can be refused is refused before the folder exists.
        learner = make_learner(config, envs.spec, device)
        if config.checkpoint is not None and resume is None:
            policy_file.load(Path(config.checkpoint), learner)
        arithmetic = fingerprint(config.numerics, device.type, probe_simulator(config))
        if resume is not None:
            check_drift(resume, checkpoint, arithmetic)
        folder = resume.folder if resume else run_folder.choose(config)
        training = Training(config, learner, envs)
        told = {"interference": dict(interference.told)} if interference else {}
        output = _open(stack, training, folder, arithmetic, resume, checkpoint, held, told)
        video = VideoRecorder(eval_envs, folder.videos) if eval_envs and render_backend != "none" else None
        for line in filter(None, (no_video, costly_evaluation(config))):
            output.logs.say(line)
        recorder = make_recorder(training, output.ledger)
        before = interference.before if interference else None
        _run(Trainer(training, output, recorder, Schedule(config), eval_envs, video, signals, before))
    return folder


def _open(
    stack: ExitStack,
    training: Training,
    folder: RunFolder,
    arithmetic: Mapping[str, Any],
    resume: Resume | None,
    checkpoint: Checkpoint | None,
    held: HeldFolder | None,
    told: Mapping[str, Any],
) -> RunOutput:
    """Make the run folder, or cut it to the point of resumption, and open its files.

    The folder changes only here, when nothing can be refused any more.
    """
    config = training.config
    journal = training.restore(checkpoint) if checkpoint is not None else None
    tracker = begin_tracking(config, folder.root.name, resume.manifest if resume else {})
    if tracker is not None:
        stack.push(lambda _, error, __: tracker.close(error is not None))
    more = {**told, **({"wandb": tracker.identity()} if tracker else {})}
    if resume is not None:
        header = join(resume, checkpoint, config, arithmetic, more)
        return open_output(stack, training, folder, header, arithmetic, journal, tracker, held=held)
    made = _new_folder(folder, stack)
    header = run_folder.write_manifest(folder, config, arithmetic, more)
    return open_output(stack, training, folder, header, arithmetic, journal, tracker, made.keep, made.held)


def _run(trainer: Trainer) -> None:
    """Run; if a file can't be written, say how to resume."""
    try:
        trainer.run()
    except EnvironmentFault as fault:
        if not trainer.stop_asked:
            raise
        raise EnvironmentFault(
            f"{fault}. So the run could not be stopped with a checkpoint of iteration {trainer.state.iteration}; to go "
            f"on from the last one: {command_line(trainer.output.folder)}"
        ) from fault
    except (OSError, StorageError) as error:
        _require_intact(trainer.output.held)
        if not trainer.has_begun:
            raise
        raise StorageError(f"{error}. Once it can be written again: {command_line(trainer.output.folder)}") from error
    except (MemoryError, RuntimeError) as error:
        if not (trainer.has_begun and is_out_of_memory(error)):
            raise
        raise OutOfMemory(
            f"{memory_ran_out(error)} in iteration {trainer.state.iteration}. Checkpoints written before are whole; "
            f"once there is memory again: {command_line(trainer.output.folder)}"
        ) from error


def _require_intact(held: HeldFolder, *, at_the_end: bool = False) -> None:
    """As `HeldFolder.require_intact`; where the folder was moved, say how to go on there."""
    try:
        held.require_intact(at_the_end=at_the_end)
    except FolderMoved as moved:
        there = RunFolder(moved.root)
        how = "nothing is lost" if at_the_end else f"to go on from its last checkpoint: {command_line(there)}"
        raise FolderMoved(f"{moved}; {how}", moved.root) from moved


def _claim(resume: Resume | None, config: TrainConfig, stack: ExitStack) -> Checkpoint | None:
    """Lock the folder of a run to resume, and read its checkpoint."""
    if resume is None:
        return None
    if "interference" in resume.manifest:
        raise BadConfig(f"--resume {resume.folder.root}: `sac sensitivity` has changed this run; resume another one")
    run_folder.require_files(resume.folder)
    lock = stack.enter_context(RunLock(resume.folder.lock))
    if lock.took_over is not None:
        refuse("sac train", f"{lock.took_over} died here: its stale lock is taken over")
    checkpoint = open_checkpoint(resume)
    if checkpoint is None:
        refuse("sac train", "there is no checkpoint yet: the run starts from the beginning")
    else:
        require_ahead(checkpoint, config)
    return checkpoint


def _new_folder(folder: RunFolder, stack: ExitStack) -> run_folder.NewFolder:
    """Make and lock the folder of a new run."""
    made = stack.enter_context(run_folder.NewFolder(folder))
    stack.enter_context(RunLock(folder.lock))
    # Again, now that nobody else can begin one here.
    run_folder.require_unused(folder)
    return made


class Trainer:
    """One training run; `run` does all of it, `iterate` one iteration.

    Args:
        training: what computes.
        output: the files that it writes.
        recorder: writes the ledger's lines.
        schedule: says what is due when.
        eval_envs: evaluation environments; None where no evaluation is due.
        video: films evaluations; None where nothing is filmed.
        signals: ask the run to stop.
        before: called before each iteration, see `Interference`.
    """

    def __init__(
        self,
        training: Training,
        output: RunOutput,
        recorder: LedgerRecorder,
        schedule: Schedule,
        eval_envs: VectorEnv | None = None,
        video: VideoRecorder | None = None,
        signals: StopSignals | None = None,
        before: Callable[[TrainState], None] | None = None,
    ) -> None:
        self.training, self.output, self.recorder, self.schedule = training, output, recorder, schedule
        self.config, self.state, self.logs = training.config, training.state, output.logs
        self.eval_envs, self.video = eval_envs, video
        self._signals = signals or StopSignals()
        self._before = before
        self._cadence = Cadence(self.config.checkpoint_freq)
        self._finite = FiniteCheck(training.learner.state, self.config, captured=training.captured)

    @property
    def has_begun(self) -> bool:
        """Whether an iteration has begun, so that there is something to resume."""
        return self.output.resumed or self.state.iteration > 0

    @property
    def stop_asked(self) -> bool:
        """Whether a signal has asked the run to stop."""
        return self._signals.asked()

    def run(self) -> None:
        """Train to the end; the ledger's line 0 is the state before the first iteration.

        Raises:
            Stopped: a signal asked for it; a checkpoint has been written.
        """
        try:
            self._train()
        except BaseException:
            # The ledger also holds what came before a fault; but the fault is what people must hear about.
            try:
                self.recorder.flush()
            except Exception as error:
                self.logs.say(f"the ledger lacks its last line, which could not be written: {error}")
            raise
        self.recorder.flush()

    def _train(self) -> None:
        training = self.training
        if self.output.resumed:
            self._finite.queue(self.state.iteration, self.state.global_step)
        else:
            first = training.collector.first_seeds, training.collector.state.observation
            self._end_iteration(Iteration(0, self.state.global_step, first=first))
        while not self.schedule.ends(self.state.global_step):
            self.output.keep()
            self._require_folder()
            self._stop_if_asked()
            if self._before is not None:
                # The last iteration's line is about the state as that left it.
                self._settle_last()
                self._before(self.state)
            self.iterate()
            if self._cadence.due(self.state.iteration):
                self.save_checkpoint()
        self._finish()

    def _finish(self) -> None:
        """Leave the policy and the last checkpoint."""
        folder = self.output.folder
        self._finite.settle()
        # The small file first: a disk that is too full for the checkpoint may still take it.
        if self.config.save_model:
            policy_file.save(self.training.learner, folder.policy, self.output.held)
            self.output.held.watch(folder.policy)
        if float(self.config.checkpoint_freq.removesuffix("m")):
            size = self.output.checkpoints.finish(self.state, self._position())
            self.logs.say(
                f"checkpoint of the finished run: {size / 1e6:,.0f} MB in {folder.states}; it is only needed to "
                f"extend the run ({command_line(folder)} --total_timesteps=…)"
            )
        _require_intact(self.output.held, at_the_end=True)

    def save_checkpoint(self) -> None:
        """Write a checkpoint of the run as it is now; everything written so far reaches the disk first.

        Raises:
            FolderLost: the run folder or a file in it is not what it was.
            Diverged: the learner holds a number that is not finite.
            StorageError: the checkpoint can't be written; earlier ones are intact.
        """
        self._require_folder()
        self._finite.settle()
        self.output.checkpoints.save(self.state, self._position())
        self._require_folder()

    def _require_folder(self) -> None:
        """Stop between two iterations if the run folder is not what it was; one that was moved gets a checkpoint."""
        try:
            _require_intact(self.output.held)
        except FolderMoved:
            self._finite.settle()
            self.output.checkpoints.save(self.state, self._position())
            raise

    def _position(self) -> Position:
        """Flush everything written so far to disk; return the lengths and checksums of the files."""
        self.logs.sync()
        return Position.of(self.recorder.sync(), self.output.metrics.sync())

    def _stop_if_asked(self) -> None:
        name = self._signals.requested
        if name is None:
            return
        self.save_checkpoint()
        raise Stopped(
            f"stopped by {name} after iteration {self.state.iteration} (step {self.state.global_step}), with a "
            f"checkpoint; to resume: {command_line(self.output.folder)}"
        )

    def iterate(self) -> None:
        """One iteration: roll out, store, learn, record, and evaluate where it is due."""
        state, schedule = self.state, self.schedule
        warm_up = schedule.warms_up(state.iteration, state.global_step)
        state.iteration += 1
        recorded = schedule.records(state.iteration, state.global_step + self.config.training_freq)
        advance = self._advance if self.training.acting is None else self._advance_overlapped
        rollout, updates = advance(warm_up, recorded)
        self._log(updates)
        left = Iteration(state.iteration, state.global_step, rollout, updates) if recorded else None
        self._end_iteration(left, updates)

    def _advance(self, warm_up: bool, recorded: bool) -> tuple[Rollout, Updates | None]:
        """Roll out and store, then learn."""
        training = self.training
        with self.logs.timed("rollout_time"):
            rollout = training.collector.collect(warm_up, self._settle_last)
            training.store(rollout)
        if not self._learning_due():
            return rollout, None
        self.recorder.before_learning()
        with self.logs.timed("update_time"):
            return rollout, training.gradient_steps.all_at_once(self.state.iteration, recorded=recorded)

    def _advance_overlapped(self, warm_up: bool, recorded: bool) -> tuple[Rollout, Updates | None]:
        """Roll out and meanwhile learn from what is stored, then store: see `overlap`.

        The rollout's time is what gradient steps did not hide, including the wait for a GPU and a late ledger line.
        """
        training, start = self.training, time.perf_counter()
        assert training.acting is not None
        training.acting.refresh()
        chunks = self._chunks(recorded) if self._learning_due() else None
        learning = time.perf_counter() - start

        def meanwhile() -> None:
            nonlocal learning
            # First the last iteration's line: it records the parameters that gradient steps are about to change.
            self._settle_last()
            begun = time.perf_counter()
            if chunks is not None:
                self.recorder.before_learning()
                chunks.take_chunk()
            learning += time.perf_counter() - begun

        rollout = training.collector.collect(warm_up, meanwhile)
        training.store(rollout)
        self.logs.book("update_time", learning)
        self.logs.book("rollout_time", time.perf_counter() - start - learning)
        return rollout, chunks.updates() if chunks is not None else None

    def _chunks(self, recorded: bool) -> ChunkedSteps:
        """The iteration's gradient steps, a chunk for each env step."""
        sizes = chunk_sizes(self.config.grad_steps_per_iteration, self.config.steps_per_env)
        return self.training.gradient_steps.begin(self.state.iteration, sizes, recorded=recorded)

    def _learning_due(self) -> bool:
        return self.schedule.learns(self.state.global_step, len(self.training.replay))

    def _settle_last(self) -> None:
        """Write the last iteration's line, if it is still due, and read what was found out about its numbers.

        On a GPU both were only begun; here, behind an action that was waited for, reading them waits for nothing.
        """
        self.recorder.flush()
        self._finite.settle()

    def _end_iteration(self, left: Iteration | None, updates: Updates | None = None) -> None:
        """Record what the iteration left, where a line is due, and evaluate where that is."""
        if left is not None:
            self.recorder.begin(left)
        # Looked at once the line is begun: `run` writes it also where this ends the training.
        self._finite.queue(self.state.iteration, self.state.global_step, updates.info if updates else None)
        if self.training.device.type == "cpu" or self.schedule.evaluates(self.state.global_step):
            self._finite.settle()
        if self.schedule.evaluates(self.state.global_step):
            self.recorder.evaluate(lambda: self._evaluate(updates))
        self.recorder.end()
        self.logs.progress(self.state.global_step)

    def _evaluate(self, updates: Updates | None) -> Evaluation:
        if self.eval_envs is None:
            raise RuntimeError("an evaluation is due, but no evaluation environments were made")
        with self.logs.timed("eval_time"):
            watch = self.video.watch if self.video is not None else None
            policy, steps = self.training.act_mean, self.config.num_eval_steps
            evaluation = evaluate(self.eval_envs, policy, steps, watch=watch)
        self._report(evaluation, self.state.global_step, losses(updates) if updates is not None else {})
        return evaluation

    def _report(self, evaluation: Evaluation, step: int, lost: Mapping[str, float]) -> None:
        """Show and keep what an evaluation found, the losses before it, and the policy that it found it of."""
        means, count = evaluation.episodes.means(), evaluation.episodes.count
        seconds = self.logs.last["eval_time"]
        if self.video is not None:
            self.video.save(step)
        self.logs.scalars({f"eval/{name}": value for name, value in means.items()}, step)
        self.logs.scalars({"time/eval_time": seconds}, step)
        self.logs.evaluation(step, means, count, seconds)
        before = {name.removeprefix("losses/"): value for name, value in lost.items()}
        self.output.metrics.write(step, means, count, self.state.collector.since_evaluation, before)
        self.output.history.write(step, means["success_once"])
        if self.config.save_model:
            path = self.output.folder.checkpoints / f"policy_{step}.pt"
            policy_file.save(self.training.learner, path, self.output.held)

    def _log(self, updates: Updates | None) -> None:
        config, step = self.config, self.state.global_step
        if updates is None or not self.schedule.logs(step):
            return
        self.logs.scalars(losses(updates), step)
        self.logs.scalars(self.logs.times(config.training_freq), step)
        means = take_means(self.state.collector.since_log)
        self.logs.scalars({f"train/{name}": value for name, value in means.items()}, step)


def losses(updates: Updates) -> dict[str, float]:
    """Return the `losses/…` scalars of ManiSkill's `sac.py`, for the iteration's last gradient step."""
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
