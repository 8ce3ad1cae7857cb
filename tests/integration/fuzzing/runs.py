"""Run folders to spoil: made once, and copied by links, so that a copy costs nothing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from sac.cli import main
from tests.integration.fuzzing.mutations import PLACES

FLAGS = (
    "--env_id=Point-v1 --num_envs=2 --training_freq=8 --batch_size=8 --buffer_size=400 --learning_starts=16 "
    "--eval_freq=40 --num_eval_envs=2 --num_eval_steps=20 --no-progress --workers=serial --threads=1"
)
LENGTH = 80


def train(folder: Path, **flags: object) -> None:
    """Train 10 iterations, or as many as the flags say."""
    given = {"total_timesteps": LENGTH, "checkpoint_freq": 3, "keep_checkpoints": 2, **flags}
    words = [f"--{name}={value}" for name, value in given.items()]
    assert main(["train", *FLAGS.split(), *words, f"--run_dir={folder}"]) == 0


def cut_short(whole: Path, folder: Path) -> None:
    """The same run as a kill would have left it: with two checkpoints, and a line written after the last."""
    import sac.trainer as trainer

    class Killed(BaseException):
        pass

    original = trainer.Trainer.iterate

    def iterate(self: trainer.Trainer) -> None:
        if self.state.iteration == 7:
            raise Killed
        original(self)

    trainer.Trainer.iterate = iterate
    try:
        train(folder)
    except Killed:
        pass
    finally:
        trainer.Trainer.iterate = original


def copy_with(source: Path, target: Path, name: str, kind: str, data: bytes | None) -> Path:
    """Return a copy of a run folder in which one file is spoiled; the others are shared with the source."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, copy_function=os.link)
    spoil(target / name, kind, data)
    return target


def writable_copy_with(source: Path, target: Path, name: str, kind: str, data: bytes | None) -> Path:
    """The same with files of its own, for commands that write."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    spoil(target / name, kind, data)
    return target


def spoil(path: Path, kind: str, data: bytes | None) -> None:
    """Replace a file."""
    path.unlink()
    if data is not None:
        path.write_bytes(data)
    else:
        PLACES[kind](path)


def files_of(folder: Path) -> list[str]:
    """The files of a run folder, without its lock, which holds nothing of the run."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name != "lock")
