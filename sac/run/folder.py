"""The run folder: its paths, its manifest, and what must hold before anything is written."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from sac.config import BadConfig, TrainConfig
from sac.display import shell
from sac.numerics.machine import library_versions
from sac.run import storage
from sac.run.held_folder import HeldFolder
from sac.run.secrets import without_secrets
from sac.untrusted.seal import sealed


@dataclass(frozen=True)
class RunFolder:
    """Paths of one run; see `docs/run_folder.md`."""

    root: Path

    @property
    def manifest(self) -> Path:
        """Configuration, versions, fingerprint, git revision, command line."""
        return self.root / "manifest.json"

    @property
    def ledger(self) -> Path:
        """One line of digests for each iteration."""
        return self.root / "ledger.jsonl"

    @property
    def metrics(self) -> Path:
        """One row for each evaluation."""
        return self.root / "metrics.csv"

    @property
    def success_history(self) -> Path:
        """Step and success of each evaluation."""
        return self.root / "success_history.csv"

    @property
    def times(self) -> Path:
        """Step and seconds of each evaluation."""
        return self.root / "times.csv"

    @property
    def checkpoints(self) -> Path:
        """Policies saved at evaluations."""
        return self.root / "checkpoints"

    @property
    def states(self) -> Path:
        """Checkpoints of the whole state, to resume from."""
        return self.checkpoints / "states"

    @property
    def lock(self) -> Path:
        """Held by the process that trains here."""
        return self.root / "lock"

    @property
    def policy(self) -> Path:
        """The final policy."""
        return self.root / "policy.pt"

    @property
    def videos(self) -> Path:
        """Videos of evaluations."""
        return self.root / "videos"


def choose(config: TrainConfig) -> RunFolder:
    """The folder of a new run, which is not made yet.

    Raises:
        BadConfig: it already holds a run, or its name is impossible.
    """
    root = Path(config.run_dir) if config.run_dir is not None else _default_root(config)
    folder = RunFolder(root)
    try:
        require_unused(folder)
    except OSError as error:
        raise _unwritable(root, error) from error
    return folder


class NewFolder:
    """The folder of a new run, made on entry; where that ends in an exception before `keep`, all of it goes again.

    So whatever fails before the first iteration leaves nothing that would block another try. Files that somebody else
    has put there stay.

    Args:
        folder: its paths.

    Attributes:
        held: the folder, from entry to exit.

    Raises:
        BadConfig: it can't be written, or holds a run already; nothing in it has changed then.
    """

    held: HeldFolder

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self._kept = False

    def keep(self) -> None:
        """From here on there is something that is worth keeping."""
        self._kept = True

    def __enter__(self) -> NewFolder:
        """Make it."""
        root = self.folder.root
        self._made = [path for path in (root, *root.parents) if not path.exists()]
        try:
            root.mkdir(parents=True, exist_ok=True)
            for path in self._made:
                _sync_name(path)
            self._before = set(root.iterdir())
            probe = root / ".writable"
            probe.touch()
            probe.unlink()
            self.held = HeldFolder(root)
        except OSError as error:
            self._remove_empty()
            raise _unwritable(root, error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove what the run has written, if it was for nothing."""
        with self.held:
            if error is None or self._kept or not self.held.is_in_place():
                return
        for path in set(self.folder.root.iterdir()) - self._before:
            if path.is_dir() and path.name in _FOLDERS:
                shutil.rmtree(path, ignore_errors=True)
            elif path.name.removesuffix(storage.PARTIAL) in _FILES or path.name.startswith(_EVENTS):
                path.unlink(missing_ok=True)
        self._remove_empty()

    def _remove_empty(self) -> None:
        """Remove the folders that were made, as far as nobody has put anything into them."""
        with contextlib.suppress(OSError):
            for path in self._made:
                path.rmdir()


def _sync_name(path: Path) -> None:
    """Wait until a folder's name is on the disk; one in a folder that may not be read is left to the system."""
    if os.access(path.parent, os.R_OK):
        storage.sync_folder(path.parent)


_FILES = frozenset(
    ("manifest.json", "ledger.jsonl", "metrics.csv", "success_history.csv", "times.csv", "policy.pt", "lock")
)
_FOLDERS = frozenset(("checkpoints", "videos"))
_EVENTS = "events.out.tfevents."


def _unwritable(root: Path, error: OSError) -> BadConfig:
    return BadConfig(f"--run_dir {root}: can't be written ({error.strerror}); give a folder that can")


def require_unused(folder: RunFolder) -> None:
    """Refuse a folder that holds a run.

    Raises:
        BadConfig: it does; the message says what to do.
    """
    held = [path.name for path in (folder.manifest, folder.ledger, folder.metrics, folder.policy) if path.exists()]
    if held:
        raise BadConfig(
            f"--run_dir {folder.root}: holds a run already ({held[0]}); give a new folder, remove this one, "
            f"or continue it: sac train --resume {shell.path(folder.root)}"
        )


def require_files(folder: RunFolder) -> None:
    """Refuse to go on in a folder in which something else stands in the place of a file or a folder of the run.

    What is missing is made again, or refused by those who need it.

    Raises:
        BadConfig: something does; nothing has been written.
    """
    for names, is_one, kind in ((_FILES, Path.is_file, "file"), (_FOLDERS, Path.is_dir, "folder")):
        for path in sorted(folder.root / name for name in names):
            if os.path.lexists(path) and not is_one(path):
                raise BadConfig(
                    f"--resume {folder.root}: {path.name} is no {kind}; the run needs one there: move it away"
                )


def _default_root(config: TrainConfig) -> Path:
    if config.exp_name is not None:
        return Path("runs") / config.exp_name
    name = f"{config.env_id}__sac__{config.seed}__{int(time.time())}"
    candidates = [Path("runs") / name, *(Path("runs") / f"{name}_{n}" for n in range(2, 1000))]
    return next(path for path in candidates if not path.exists())


def write_manifest(
    folder: RunFolder, config: TrainConfig, fingerprint: Mapping[str, Any], more: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Write `manifest.json`, with `more` in it, and return the part of it that the ledger's header repeats."""
    header = {"config": config.to_manifest(), "fingerprint": dict(fingerprint), "versions": versions()}
    manifest = {
        **header,
        "git_revision": git_revision(),
        "command": without_secrets(sys.argv),
        "environment": {name: value for name, value in sorted(os.environ.items()) if name.startswith(_SHOWN)},
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        **(more or {}),
    }
    put_manifest(folder, manifest)
    return header


def put_manifest(folder: RunFolder, manifest: dict[str, Any]) -> None:
    """Write `manifest.json`, with its own checksum; a reader never sees half of it, and other users nothing."""
    data = (json.dumps(sealed(manifest), indent=2) + "\n").encode()
    storage.write_atomically(folder.manifest, data, mode=storage.PRIVATE)


_SHOWN = ("OMP_", "MKL_", "ATEN_", "ONEDNN_", "OPENBLAS_", "NPY_", "CUBLAS_", "CUDA_", "PYTHONHASHSEED")
"""Environment variables that can change what libraries compute."""


def versions() -> dict[str, str]:
    """Return the versions of Python and of every library that computes."""
    return {"python": sys.version.split()[0], **library_versions()}


def git_revision() -> str | None:
    """Return the commit of the checkout this package runs from, with `+changes` if files differ; None without one."""
    here = Path(__file__).parents[1]
    try:
        revision = _git(here, "rev-parse", "HEAD")
        changed = _git(here, "status", "--porcelain", "--untracked-files=no", "--", ".")
    except (OSError, subprocess.SubprocessError):
        return None
    return revision + ("+changes" if changed else "")


def _git(where: Path, *arguments: str) -> str:
    command = ["git", "-C", str(where), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
