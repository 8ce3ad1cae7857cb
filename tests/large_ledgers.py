"""Ledgers of any length, written without training: lines as long as those of ManiSkill's issue 1250."""

from __future__ import annotations

import json
from pathlib import Path

from sac.ledger.channels import CHANNELS
from sac.ledger.file import LedgerWriter

HEADER = {"config": {"env_id": "Point-v1", "seed": 1, "num_envs": 4}, "fingerprint": {"cpu": "x"}, "versions": {}}
_CHANNELS = [channel for channel in CHANNELS if not channel.startswith("eval.")]


def write_large(path: Path, lines: int, part_at: int | None = None) -> Path:
    """Write a ledger whose digests differ from its likes' from line `part_at` on."""
    with LedgerWriter(path, HEADER):
        pass
    digests = ", ".join(f'"{channel}": "%016x"' for channel in _CHANNELS)
    steps = json.dumps({"rollout.obs": "0123" * 40, "rollout.action": "4567" * 40})
    head = f'{{"iteration": %d, "global_step": %d, "digests": {{{digests}}}'
    row = f'{head}, "values": {{"loss": 0.25}}, "steps": {steps}}}\n'
    with path.open("a") as file:
        for number in range(lines):
            base = number * 100 + (10**9 if part_at is not None and number >= part_at else 0)
            file.write(row % (number, 64 * number, *range(base, base + len(_CHANNELS))))
    return path
