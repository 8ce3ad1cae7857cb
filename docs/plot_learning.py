"""Draw learning curves: `python docs/plot_learning.py docs/learning.png RUN_DIR...` (needs the extra `docs`)."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import matplotlib.pyplot as plt

PANELS = {"success_once": "success once", "success_at_end": "success at end", "return": "return"}


def read(run: Path) -> tuple[str, list[dict[str, float]]]:
    """Label and rows of one run."""
    config = json.loads((run / "manifest.json").read_text())["config"]
    with (run / "metrics.csv").open() as file:
        rows = [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]
    return f"{config['env_id']}, seed {config['seed']}", rows


def draw(target: Path, runs: list[Path]) -> None:
    """One panel for each metric, one line for each run."""
    figure, axes = plt.subplots(1, len(PANELS), figsize=(12, 3.4), layout="constrained")
    for run in runs:
        label, rows = read(run)
        for axis, name in zip(axes, PANELS, strict=True):
            axis.plot([row["step"] for row in rows], [row[name] for row in rows], marker="o", markersize=3, label=label)
    for axis, (name, title) in zip(axes, PANELS.items(), strict=True):
        axis.set(title=title, xlabel="env steps")
        axis.grid(alpha=0.3)
        if name.startswith("success"):
            axis.set_ylim(-0.03, 1.03)
    axes[0].legend(loc="upper left", fontsize="small")
    figure.savefig(target, dpi=110)


if __name__ == "__main__":
    draw(Path(sys.argv[1]), [Path(argument) for argument in sys.argv[2:]])
