"""The files that a training run writes, opened together, and the recorder of its ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from sac.checkpoint.checkpoint import Checkpoints
from sac.checkpoint.replay_log import Journal
from sac.ledger.file import LedgerWriter
from sac.ledger.recorder import LedgerRecorder
from sac.run import storage
from sac.run.folder import RunFolder
from sac.run.held_folder import HeldFolder
from sac.run.history_files import HistoryFiles
from sac.run.logs import Logs
from sac.run.metrics_file import MetricsFile
from sac.run.tracking import Tracker
from sac.training import Training


def _keep() -> None:
    """Do nothing: the folder stays whatever happens."""


@dataclass(frozen=True)
class RunOutput:
    """The files that a run writes, open.

    Attributes:
        folder: where they lie.
        logs: progress, TensorBoard and Weights & Biases.
        metrics: a row for each evaluation.
        history: success alone, and the clock, at each evaluation.
        ledger: a line for each iteration that is recorded; None where none is.
        checkpoints: all of the state.
        held: the folder, and what in it must stay as it is.
        resumed: whether the files go on from a checkpoint.
        keep: to be called once an iteration begins: from then on there is something worth keeping.
    """

    folder: RunFolder
    logs: Logs
    metrics: MetricsFile
    history: HistoryFiles
    ledger: LedgerWriter | None
    checkpoints: Checkpoints
    held: HeldFolder
    resumed: bool
    keep: Callable[[], None] = _keep


def open_output(
    stack: ExitStack,
    training: Training,
    folder: RunFolder,
    header: Mapping[str, Any],
    fingerprint: Mapping[str, Any],
    journal: Journal | None = None,
    tracker: Tracker | None = None,
    keep: Callable[[], None] = _keep,
    held: HeldFolder | None = None,
) -> RunOutput:
    """Open the files that a run writes; closed with `stack`.

    Args:
        stack: closes them.
        training: what they tell of, restored already where the run goes on.
        folder: where they lie.
        header: the ledger's.
        fingerprint: the machine's arithmetic, kept in checkpoints.
        journal: replay rows on the disk, where the run goes on from a checkpoint.
        tracker: takes the scalars too.
        keep: of the folder, see `RunOutput`.
        held: the folder, if it is held already.

    Raises:
        FolderLost: the folder was replaced meanwhile.
    """
    held = held or stack.enter_context(HeldFolder(folder.root))
    config, state, resumed = training.config, training.state, journal is not None
    after, step = (state.iteration, state.global_step) if resumed else (None, None)
    logs = stack.enter_context(Logs(config, held, step, tracker))
    metrics = stack.enter_context(MetricsFile(folder.metrics, state.metrics, append=resumed))
    history = stack.enter_context(HistoryFiles(folder, append=resumed))
    ledger = stack.enter_context(LedgerWriter(folder.ledger, header, after)) if config.ledger_freq else None
    for path in (folder.manifest, folder.lock, folder.ledger, folder.metrics, folder.success_history, folder.times):
        if path.exists():
            held.watch(path)
    # The names of the files: what is in them reaches the disk before a checkpoint counts it.
    storage.sync_folder(folder.root, held)
    held.require_intact()
    checkpoints = Checkpoints(folder.states, config, fingerprint, journal, held)
    return RunOutput(folder, logs, metrics, history, ledger, checkpoints, held, resumed, keep)


def make_recorder(training: Training, ledger: LedgerWriter | None) -> LedgerRecorder:
    """Return the recorder of a training.

    Its lines are deferred where the time that they take can be hidden behind the next env step. On a CPU the
    environments would have to wait for a core meanwhile: measured, nothing is gained.
    """
    deferred = training.split and training.device.type == "cuda"
    return LedgerRecorder(ledger, training.learner.state, captured=training.captured, deferred=deferred)
