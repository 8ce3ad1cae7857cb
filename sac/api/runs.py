"""`sac.load_run`: a run folder's configuration, metrics and ledger as tables."""

from __future__ import annotations

from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sac.config import BadConfig
from sac.ledger.file import read_ledger
from sac.run.folder import RunFolder
from sac.run.manifest import read_manifest
from sac.run.metrics_table import read_metrics
from sac.untrusted.file import Unreadable

if TYPE_CHECKING:
    import numpy as np

    from sac.api.policy import Policy


class Run:
    """A run folder, read when something is asked of it.

    Tables are dicts of columns, which pandas takes as they are: `pandas.DataFrame(run.metrics)`.

    Attributes:
        root: the folder.
        manifest: configuration, versions, fingerprint of the arithmetic, command.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._folder = RunFolder(root)
        try:
            self.manifest: dict[str, Any] = read_manifest(self._folder.manifest)
        except Unreadable as error:
            if error.missing:
                raise BadConfig(f"{root}: no run folder: it holds no manifest.json") from error
            raise BadConfig(str(error)) from error

    @property
    def config(self) -> dict[str, Any]:
        """Name -> value of every flag of the run."""
        config = self.manifest.get("config")
        return dict(config) if isinstance(config, dict) else {}

    @cached_property
    def metrics(self) -> dict[str, np.ndarray]:
        """Column -> float64 (E,) of `metrics.csv`, a row an evaluation; NaN where a cell is empty.

        Raises:
            Unreadable: there is no such file, or a row is malformed.
        """
        import numpy as np

        return {name: np.array(column) for name, column in read_metrics(self._folder.metrics).columns.items()}

    @cached_property
    def ledger(self) -> dict[str, Any]:
        """Columns of `ledger.jsonl`, a row (of K) a line.

        `iteration` and `global_step` are int64 (K,); each channel is a list of K digests, None where a line has none;
        each recorded value is float64 (K,), NaN likewise.

        Raises:
            LedgerError: there is no ledger, or it can't be read.
        """
        import numpy as np

        lines = read_ledger(self.root).lines
        channels = dict.fromkeys(name for line in lines for name in line.digests)
        values = dict.fromkeys(name for line in lines for name in line.values)
        return {
            "iteration": np.array([line.iteration for line in lines], np.int64),
            "global_step": np.array([line.global_step for line in lines], np.int64),
            **{name: [line.digests.get(name) for line in lines] for name in channels},
            **{name: np.array([line.values.get(name, np.nan) for line in lines]) for name in values},
        }

    def policy(self) -> Policy:
        """The final policy.

        Raises:
            BadConfig: the run has not written it.
        """
        from sac.api.policy import load_policy

        return load_policy(self.root)

    def __repr__(self) -> str:
        """The folder, and what was trained."""
        return f"Run({str(self.root)!r}, env_id={self.config.get('env_id')!r})"


def load_run(path: str | PathLike[str]) -> Run:
    """Open a run folder.

    Raises:
        BadConfig: it is none.
    """
    return Run(Path(path).expanduser())
