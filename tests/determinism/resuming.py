"""What tests of resuming share: a small run, its uninterrupted outcome, and what it means to be equal to it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from tests.determinism.dying import Death, run

FLAGS = [
    "--env_id=Point-v1",
    "--num_envs=4",
    "--num_eval_envs=2",
    "--num_eval_steps=20",
    "--training_freq=16",
    "--batch_size=16",
    "--buffer_size=100",
    "--learning_starts=32",
    "--utd=0.125",
    "--total_timesteps=192",
    "--eval_freq=64",
    "--threads=1",
    "--no-capture_video",
    "--no-tensorboard",
    "--no-progress",
]
"""12 iterations of 4 steps, episodes of 20, a ring that is full after 6; evaluations at 0, 64, 128 and 192."""

FILES = ("ledger.jsonl", "metrics.csv", "success_history.csv", "policy.pt", "checkpoints/policy_128.pt")


@dataclass(frozen=True)
class Outcome:
    """What a run left, without the ledger's header, in which the folder's name stands."""

    files: dict[str, bytes]

    @classmethod
    def of(cls, folder: Path, names: tuple[str, ...]) -> Outcome:
        return cls({name: _content(folder / name) for name in names})


def _content(path: Path) -> bytes:
    data = path.read_bytes()
    return data.partition(b"\n")[2] if path.name == "ledger.jsonl" else data


def assert_equal_runs(found: Path, expected: Path, names: tuple[str, ...] = FILES) -> None:
    """Every byte that a run leaves must be that of the other, but for names and times."""
    a, b = Outcome.of(found, names), Outcome.of(expected, names)
    for name in names:
        if a.files[name] == b.files[name]:
            continue
        pairs = enumerate(zip(a.files[name].split(b"\n"), b.files[name].split(b"\n"), strict=False))
        line = next((number for number, (x, y) in pairs if x != y), "behind the shorter one's end")
        raise AssertionError(
            f"{found / name} differs from the uninterrupted run's first at line {line} (the header not counted): "
            f"{len(a.files[name])} and {len(b.files[name])} bytes; see: sac diff {found} {expected}"
        )


def finish(
    folder: Path, flags: list[str] = FLAGS, extra: tuple[str, ...] = (), *, surroundings: Death | None = None
) -> None:
    """Resume a run that died, or begin it again where it died before it had a manifest."""
    output = folder.with_suffix(".resumed.txt")
    begun = (folder / "manifest.json").exists()
    arguments = ["--resume", str(folder), *extra] if begun else [*flags, "--run_dir", str(folder)]
    code = run(arguments, surroundings, output)
    assert code == 0, f"sac train --resume {folder} ended with {code}:\n{output.read_text()[-3000:]}"


def resumed_from(folder: Path) -> list[int]:
    """Iterations from which a run was resumed, in order."""
    manifest = json.loads((folder / "manifest.json").read_text())
    return [entry["iteration"] for entry in manifest.get("resumed", [])]


def uninterrupted(folder: Path, *flags: str, trace: Path | None = None) -> Path:
    """Train to the end without a death."""
    code = run([*FLAGS, *flags, "--run_dir", str(folder)], Death(count=trace), folder.with_suffix(".txt"))
    assert code == 0, folder.with_suffix(".txt").read_text()
    return folder
