"""Runs of several seeds and experiments for the tests of reports, written without training."""

from __future__ import annotations

import csv
import json

from tests.unit.report.ledgers import write_run

LOSSES = ("qf_loss", "actor_loss", "alpha_loss", "alpha")


def write_seed(folder, seed, values, seconds=10.0, episodes=64, changed=None, **config):
    """A run whose evaluations found `values`, every 320 env steps and `seconds` seconds; None: no clock was kept."""
    write_run(folder, metrics=None, seed=seed, **config)
    # Runs of unlike seeds have unlike ledgers.
    header, *lines = (folder / "ledger.jsonl").read_text().splitlines(keepends=True)
    unlike = [line.replace('": "0', f'": "{seed % 16:x}') for line in lines]
    (folder / "ledger.jsonl").write_text("".join([header, *unlike]))
    with (folder / "metrics.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["step", "success_once", "success_at_end", "return", *LOSSES, "eval_episodes"])
        for number, value in enumerate(values):
            lost = [0.5 - 0.01 * number, -number, 1.0, 0.9] if number else [""] * 4
            writer.writerow([320 * number, value, value, 10 + value, *lost, episodes])
    if seconds is not None:
        rows = [[320 * number, f"{seconds * number:.3f}"] for number in range(len(values))]
        with (folder / "times.csv").open("w", newline="") as file:
            csv.writer(file).writerows([["step", "seconds"], *rows])
    if changed is not None:
        manifest = json.loads((folder / "manifest.json").read_text())
        (folder / "manifest.json").write_text(json.dumps({**manifest, "interference": changed}))
    return folder


def write_seeds(root, ends, **config):
    """One run for each of `ends`, the last of three evaluations, with seeds from 42 on."""
    return [write_seed(root / f"s{seed}", seed, [0.0, end / 2, end], **config) for seed, end in enumerate(ends, 42)]
