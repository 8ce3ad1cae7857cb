"""Run folders for the tests of reports, written without training."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from sac.ledger.channels import CHANNELS
from sac.ledger.file import LedgerWriter

CONFIG = {"env_id": "Point-v1", "seed": 1, "num_envs": 4, "training_freq": 64, "utd": 0.5, "total_timesteps": 640}
FINGERPRINT = {"profile": "deterministic", "torch": "2.13.0", "threads": 2, "cpu": "A", "probe": {"mm": "aa"}}
QUIET = [channel for channel in CHANNELS if not channel.startswith("eval.")]


def write_run(
    folder: Path,
    iterations: int = 10,
    part_at: int | None = None,
    channel: str = "rollout.action",
    metrics: list[float] | None = (0.0, 0.5, 1.0),
    fingerprint: dict[str, Any] | None = None,
    **config: Any,
) -> Path:
    """A run folder whose ledger is equal to its neighbours' until `part_at`, from `channel` on."""
    folder.mkdir(parents=True)
    header = {"config": {**CONFIG, **config}, "fingerprint": fingerprint or FINGERPRINT, "versions": {"python": "3.11"}}
    with LedgerWriter(folder / "ledger.jsonl", header) as writer:
        for number in range(iterations):
            writer.write(number, 64 * number, digests(number, part_at, channel), {"reward": 0.5})
    command = ["/bin/sac", "train", "--env_id=Point-v1", "--run_dir", folder.name, "--seed=1"]
    (folder / "manifest.json").write_text(json.dumps({**header, "git_revision": "c0ffee", "command": command}))
    if metrics is not None:
        write_metrics(folder / "metrics.csv", metrics)
    return folder


def digests(number: int, part_at: int | None, channel: str) -> dict[str, str]:
    start = QUIET.index(channel)
    parted = [
        part_at is not None and (number > part_at or (number == part_at and place >= start))
        for place in range(len(QUIET))
    ]
    return {name: f"{number * 100 + i + parted[i] * 10**9:016x}" for i, name in enumerate(QUIET)}


def write_metrics(path: Path, values: list[float]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["step", "success_once", "success_at_end", "return"])
        writer.writerows([320 * number, value, value, 10 + value] for number, value in enumerate(values))
