"""Run folders with results that a test chooses."""

from __future__ import annotations

import csv
import json

from sac.config import TrainConfig
from sac.run.folder import RunFolder


def make_run(path, scores, seed=1, **flags):
    """A run folder whose evaluations found `scores`, step -> success_once (the return is ten times that)."""
    path.mkdir(parents=True)
    config = TrainConfig(**{"env_id": "Point-v1", "seed": seed, **flags}).to_manifest()
    folder = RunFolder(path)
    folder.manifest.write_text(json.dumps({"config": config}))
    with folder.metrics.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["step", "success_once", "success_at_end", "return"])
        writer.writerows([step, value, value, 10 * value] for step, value in scores.items())
    return path


def change_on_purpose(path, told):
    """Note in a run's manifest that it was interfered with, as `sac sensitivity` does."""
    manifest = RunFolder(path).manifest
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "interference": told}))
    return path


def make_seeds(root, values, steps=(100, 200), **flags):
    """A folder of runs, one for each of the final `values`; before the end each found half of that."""
    for seed, value in enumerate(values, start=42):
        scores = {step: value / 2 for step in steps[:-1]} | {steps[-1]: value}
        make_run(root / f"seed={seed}", scores, seed, **flags)
    return root
