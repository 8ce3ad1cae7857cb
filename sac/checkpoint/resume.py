"""`sac train --resume`: which run to resume, from where, with which flags, and whether that is allowed.

Nothing here imports torch at its top: the manifest names the numerics profile, which must be prepared first.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sac.config import INTEGER_BOUND, LATER_FIELDS, LAYOUT_FIELDS, BadConfig, TrainConfig
from sac.display import shell
from sac.display.terminal import refuse
from sac.ledger.file import header_bytes, read_header
from sac.ledger.line import VERSION
from sac.numerics.fingerprint import differences
from sac.numerics.profiles import NumericsError
from sac.run import folder as run_folder
from sac.run import storage
from sac.run.folder import RunFolder
from sac.run.manifest import read_manifest
from sac.run.secrets import without_secrets
from sac.untrusted.file import Unreadable, read_bytes
from sac.untrusted.json_text import shown
from sac.untrusted.seal import sealed

if TYPE_CHECKING:
    from sac.checkpoint.checkpoint import Checkpoint
    from sac.checkpoint.index import CheckpointIndex

MAY_CHANGE = LAYOUT_FIELDS - {"run_dir"} | {"imports"}
"""Flags that a resumed run may change: those that never change a training channel, and where a task's code is."""


@dataclass(frozen=True)
class Resume:
    """A run to resume.

    Attributes:
        folder: its folder.
        manifest: its manifest, as found.
        iteration: the checkpoint asked for; None for the newest.
        allow_drift: resume although the fingerprint of the arithmetic differs.
    """

    folder: RunFolder
    manifest: dict[str, Any]
    iteration: int | None = None
    allow_drift: bool = False

    @property
    def stored(self) -> TrainConfig:
        """The flags of the run so far."""
        return read_config(self.manifest.get("config"), str(self.folder.manifest))


def find_run(root: Path, iteration: int | None, allow_drift: bool) -> Resume:
    """Read the manifest of the run to resume.

    Raises:
        BadConfig: there is no manifest, or it can't be used.
    """
    folder = RunFolder(root)
    try:
        manifest = read_manifest(folder.manifest)
    except Unreadable as error:
        if error.missing:
            raise BadConfig(f"--resume {root}: no run folder: it holds no manifest.json") from error
        raise BadConfig(f"--resume {root}: {error}") from error
    resume = Resume(folder, manifest, iteration, allow_drift)
    _ = resume.stored
    return resume


def read_config(stored: object, where: str) -> TrainConfig:
    """Return the flags that a manifest or a checkpoint holds.

    Args:
        stored: the JSON value.
        where: where it was found, for messages.

    Raises:
        BadConfig: a flag is unknown, missing, or of the wrong kind.
    """
    if not isinstance(stored, dict):
        raise BadConfig(f"{where}: holds no config")
    hints = typing.get_type_hints(TrainConfig)
    unlike = sorted(str(name)[:40] for name in (stored.keys() ^ hints.keys()) - (LATER_FIELDS - stored.keys()))
    if unlike:
        raise BadConfig(f"{where}: holds other flags than this release has: {', '.join(unlike[:5])}")
    for name, value in stored.items():
        if not _fits(value, hints[name]):
            raise BadConfig(f"{where}: --{name} is {shown(value)}, which is no value for it")
    return TrainConfig(**stored)


def _fits(value: object, hint: Any) -> bool:
    """Whether a JSON value has a flag's kind."""
    if typing.get_origin(hint) is typing.Literal:
        return value in typing.get_args(hint)
    if typing.get_origin(hint) is tuple:
        return isinstance(value, list) and all(_fits(item, str) for item in value)
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return any(_fits(value, kind) for kind in typing.get_args(hint))
    if hint is float:
        return isinstance(value, float | int) and not isinstance(value, bool)
    if hint is str:
        return isinstance(value, str) and "\0" not in value
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) < INTEGER_BOUND
    return isinstance(value, hint)


def require_may_change(old: TrainConfig, new: TrainConfig) -> None:
    """Refuse new values of flags that are part of the run's meaning.

    Raises:
        BadConfig: such flags changed; the message names each with both values.
    """
    fixed = {name: pair for name, pair in changes(old, new).items() if name not in MAY_CHANGE}
    if "run_dir" in fixed:
        raise BadConfig(f"--run_dir {new.run_dir}: --resume names the run's folder already; leave --run_dir out")
    if fixed:
        shown = "; ".join(f"--{name} is {before}, not {after}" for name, (before, after) in fixed.items())
        raise BadConfig(
            f"--resume: these flags can't change in a run: {shown}. Leave them out, or start a new run. "
            f"These may change: {', '.join(sorted(MAY_CHANGE))}"
        )


def changes(old: TrainConfig, new: TrainConfig) -> dict[str, tuple[Any, Any]]:
    """Return flag -> both values, for the flags that differ."""
    a, b = old.to_dict(), new.to_dict()
    return {name: (a[name], b[name]) for name in a if a[name] != b[name]}


def open_checkpoint(resume: Resume) -> Checkpoint | None:
    """Read and verify the checkpoint to resume from; None if the run has written none.

    Raises:
        BadCheckpoint: it is damaged; the message offers the newest intact one.
        BadConfig: the iteration asked for has none, or it belongs to another run.
    """
    from sac.checkpoint.checkpoint import verify
    from sac.checkpoint.history import BadHistory, require_history
    from sac.checkpoint.index import BadCheckpoint, list_iterations

    folder, iterations = resume.folder.states, list_iterations(resume.folder.states)
    if resume.iteration is not None and resume.iteration not in iterations:
        raise BadConfig(f"--resume_from {resume.iteration}: there are checkpoints of iterations {iterations}")
    if not iterations:
        return None
    chosen = iterations[-1] if resume.iteration is None else resume.iteration
    others = [iteration for iteration in iterations if iteration != chosen]
    try:
        checkpoint = verify(folder, chosen)
        _require_same_run(resume, checkpoint)
        require_history(resume.folder, checkpoint.index, _indexes(folder, others))
    except (BadCheckpoint, BadHistory) as error:
        raise BadCheckpoint(f"{error}. {_offer(resume.folder, others)}") from error
    return checkpoint


def _indexes(folder: Path, iterations: list[int]) -> list[CheckpointIndex]:
    """The other checkpoints' indexes, as far as they can be read."""
    from sac.checkpoint.index import BadCheckpoint, read_index

    found = []
    for iteration in iterations:
        with contextlib.suppress(BadCheckpoint):
            found.append(read_index(folder, iteration))
    return found


def _offer(folder: RunFolder, others: list[int]) -> str:
    """Say from which other checkpoint the run can resume."""
    from sac.checkpoint.checkpoint import verify
    from sac.checkpoint.history import BadHistory, require_history
    from sac.checkpoint.index import BadCheckpoint

    for iteration in reversed(others):
        try:
            require_history(folder, verify(folder.states, iteration).index, quiet=True)
        except (BadCheckpoint, BadHistory):
            continue
        command = f"{command_line(folder)} --resume_from {iteration}"
        return f"The checkpoint of iteration {iteration} is intact: resume with {command}"
    return "No other checkpoint is intact: start the run again in a new folder; its bits will be the same"


def _require_same_run(resume: Resume, checkpoint: Checkpoint) -> None:
    """Refuse a checkpoint whose flags are not the manifest's: the manifest was edited, or is another run's."""
    where = str(resume.folder.manifest)
    stored = read_config(checkpoint.index.config, f"checkpoint of iteration {checkpoint.index.iteration}")
    differing = {name: pair for name, pair in changes(stored, resume.stored).items() if name not in MAY_CHANGE}
    for name, (saved, found) in differing.items():
        raise BadConfig(f"{where}: --{name} is {found}, but the checkpoint was made with {saved}")
    iteration, steps = checkpoint.index.iteration, checkpoint.index.counters.get("global_step")
    if steps != iteration * stored.training_freq:
        raise BadConfig(f"checkpoint of iteration {iteration}: global_step is {steps}, which no run leads to")


def require_ahead(checkpoint: Checkpoint, config: TrainConfig) -> None:
    """Refuse a `--total_timesteps` that the run has passed; say so if it has just reached it.

    Raises:
        BadConfig: the checkpoint is beyond `--total_timesteps`.
    """
    iteration = checkpoint.index.iteration
    step = iteration * config.training_freq
    if iteration > config.iterations:
        raise BadConfig(f"--total_timesteps {config.total_timesteps}: the checkpoint is of step {step}; give more")
    if iteration == config.iterations:
        refuse("sac train", f"the run has ended, at step {step}; --total_timesteps extends it")


def check_drift(resume: Resume, checkpoint: Checkpoint | None, fingerprint: Mapping[str, Any]) -> list[str]:
    """Return what differs in the machine's arithmetic since the checkpoint.

    Raises:
        NumericsError: something differs, and `--allow_drift` is not given.
    """
    stored = checkpoint.index.fingerprint if checkpoint else resume.manifest.get("fingerprint")
    # Through JSON, as the stored one went.
    now = json.loads(json.dumps(fingerprint))
    drift = differences(stored if isinstance(stored, dict) else {}, now)
    if drift and not resume.allow_drift:
        raise NumericsError(
            f"--resume {resume.folder.root}: this machine's arithmetic is not that of the checkpoint: "
            f"{'; '.join(drift)}. The run would continue, but not with the bits of an uninterrupted one. "
            "Resume it where it started, or add --allow_drift; manifest and ledger then record the difference"
        )
    return drift


def join(
    resume: Resume,
    checkpoint: Checkpoint | None,
    config: TrainConfig,
    now: Mapping[str, Any],
    more: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Cut manifest, ledger and metrics to the point of resumption; return the ledger's header.

    The manifest also gets what is in `more`. Each file is replaced as a whole, so after a crash in between the run can
    still be resumed.

    Raises:
        BadConfig: ledger or metrics are shorter than they were at the checkpoint.
    """
    from sac.checkpoint.checkpoint import drop_after

    folder, drift = resume.folder, check_drift(resume, checkpoint, now)
    iteration = checkpoint.index.iteration if checkpoint else 0
    entry = {
        "iteration": iteration,
        "changed": changes(resume.stored, config),
        "drift": drift,
        "command": without_secrets(sys.argv),
    }
    entry["started"] = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    current = {"config": config.to_manifest(), "fingerprint": dict(now), "versions": run_folder.versions()}
    manifest = {**resume.manifest, **current, **(more or {})}
    past = resume.manifest.get("resumed")
    manifest["resumed"] = [*(past if isinstance(past, list) else []), entry]
    header = {name: manifest.get(name) for name in ("config", "fingerprint", "versions")}
    if checkpoint is None:
        return _written(folder, manifest, header)
    # Newer ones first: what they belong to is cut off below, and their rows will be overwritten.
    drop_after(folder.states, iteration)
    header = _cut_ledger(folder.ledger, checkpoint.index.ledger_bytes, config, drift, iteration) or header
    _cut(folder.metrics, checkpoint.index.metrics_bytes)
    return _written(folder, manifest, header)


def _written(folder: RunFolder, manifest: dict[str, Any], header: dict[str, Any]) -> dict[str, Any]:
    run_folder.put_manifest(folder, manifest)
    return header


def _cut_ledger(path: Path, body: int, config: TrainConfig, drift: list[str], iteration: int) -> dict[str, Any] | None:
    """Keep the header and the `body` bytes after it; the header records what has changed since it was written."""
    if body == 0:
        return None
    header, length = read_header(path), header_bytes(path)
    data = _cut(path, length + body)
    if header.get("config") != config.to_manifest() or drift:
        header["config"] = config.to_manifest()
        if drift:
            header["drift"] = [*header.get("drift", []), {"after_iteration": iteration, "differences": drift}]
        first = json.dumps(sealed({"ledger": VERSION, **header})).encode() + b"\n"
        storage.write_atomically(path, first + data[length:])
    return header


def _cut(path: Path, length: int) -> bytes:
    """Keep the first `length` bytes of a file, which was verified, and return them."""
    data = read_bytes(path, _LONGEST)
    if len(data) > length:
        storage.write_atomically(path, data[:length])
    return data[:length]


_LONGEST = 2**40
"""Bytes of a ledger, which is read whole when it is cut."""


def command_line(folder: RunFolder) -> str:
    """Return the command that resumes a run."""
    return f"sac train --resume {shell.path(folder.root)}"
