"""Train each of ManiSkill's tasks for a few iterations, and write which ones do as a Markdown table.

`python -m tools.train_every_task >table.md`. Each is built, reset and trained for four iterations with two environments
in one process, gradient steps from the third on, with the task's own control mode and without a renderer, unless there
is one. What a task lacks is told by the message of `sac train`.
"""

from __future__ import annotations

import dataclasses
import re
import sys
import tempfile
from pathlib import Path

from sac.numerics import profiles

profiles.prepare("deterministic")

from sac.config import TrainConfig  # noqa: E402
from sac.envs.errors import BadEnvironment  # noqa: E402
from sac.envs.maniskill.env import choose_reward, find_task  # noqa: E402
from sac.trainer import train  # noqa: E402
from tests.silent import SILENT  # noqa: E402

TINY = TrainConfig(
    num_envs=2,
    training_freq=8,
    batch_size=8,
    buffer_size=100,
    learning_starts=16,
    total_timesteps=32,
    eval_freq=0,
    threads=1,
    workers="serial",
    control_mode=None,
    **SILENT,
)


def main() -> None:
    """Print the table, and on the error stream how many train."""
    find_task("PushCube-v1")
    from mani_skill.utils.registration import REGISTERED_ENVS

    names = [name for name, task in REGISTERED_ENVS.items() if task.cls.__module__.startswith("mani_skill.")]
    rows = [(name, *_try(name, REGISTERED_ENVS[name])) for name in sorted(names, key=str.lower)]
    print("| task | trains | reward | actions | steps | what is missing |\n|---|---|---|---|---|---|")
    for name, trains, *cells in rows:
        print(f"| {name} | {'yes' if trains else 'no'} | {' | '.join(cells)} |")
    print(f"{sum(row[1] for row in rows)} of {len(rows)} tasks train", file=sys.stderr)


def _try(name: str, task: object) -> tuple[bool, str, str, str, str]:
    """Whether a task trains; its reward mode, length of actions, steps of an episode, and what it lacks."""
    steps = str(getattr(task, "max_episode_steps", None) or "-")
    reward = "-"
    try:
        reward = choose_reward(name, getattr(task, "cls", None), None)
        width = _train(name)
    except (BadEnvironment, RuntimeError) as error:
        return False, reward, "-", steps, _in_short(str(error))
    return True, reward, str(width), steps, ""


def _train(name: str) -> int:
    """Train a task; returns the length of its actions."""
    from sac.envs.factory import make_single_env

    with tempfile.TemporaryDirectory() as folder:
        train(dataclasses.replace(TINY, env_id=name, run_dir=str(Path(folder) / "run")))
    return make_single_env(name).spec.action_dim


def _in_short(message: str) -> str:
    """A message without the name of the task, and without folders of this machine."""
    message = re.sub(r"^--env_id '\S+',? ?", "", message.splitlines()[0])
    message = re.sub(r"needs assets that are not downloaded; run: (.*)", r"`\1`", message)
    return message.replace(str(Path.home()), "~").replace("|", "\\|")


if __name__ == "__main__":
    main()
