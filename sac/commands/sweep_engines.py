"""Where the runs of a sweep are computed: processes of this machine, jobs of Slurm, or tasks of Ray.

Every engine runs the same command lines, so equal seeds give equal ledgers on each. What a run prints goes to a file.
"""

from __future__ import annotations

import importlib
import logging
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sac.config import BadConfig
from sac.display import shell
from sac.errors import UserError
from sac.processes import Children, sac_command

PATIENCE = 60.0
"""Seconds in which a run that is interrupted may reach its next checkpoint."""


class SweepFailed(UserError, RuntimeError):
    """The engine itself failed; the message says why."""


@dataclass(frozen=True)
class SweepTask:
    """One command to be run: a name, the words behind `sac`, a file for what it prints, and its CPU threads."""

    name: str
    words: tuple[str, ...]
    log: Path
    threads: int

    def command(self) -> list[str]:
        """A command line that appends its output to the file."""
        return ["sh", "-c", 'exec "$@" >>"$0" 2>&1', str(self.log.resolve()), *sac_command(list(self.words))]


Done = Callable[[SweepTask, int], object]
"""Called with each task and its exit status once it has ended, from any thread."""


def run_locally(tasks: Sequence[SweepTask], jobs: int, done: Done) -> None:
    """Run all tasks as processes of this machine, `jobs` at a time; an interrupted one may write its checkpoint."""
    environment = {name: value for name, value in os.environ.items() if name != "SAC_RESTARTED"}
    with ThreadPoolExecutor(jobs) as pool, Children(PATIENCE) as children:

        def run(task: SweepTask) -> None:
            with task.log.open("a") as log:
                command = sac_command(list(task.words))
                streams = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
                done(task, children.run(command, env=environment, **streams).returncode)

        list(pool.map(run, tasks))


def run_on_slurm(tasks: Sequence[SweepTask], folder: Path, options: Mapping[str, str], done: Done) -> None:
    """Submit each task as a job of its own through submitit, and wait for all.

    Args:
        tasks: the jobs.
        folder: where submitit keeps its files; every node must see it.
        options: of submitit, for example partition or timeout_min; `cluster=local` runs the jobs here.
        done: told of each that ends.

    Raises:
        BadConfig: submitit is not installed, or doesn't know an option.
        SweepFailed: Slurm refused a job.
    """
    submitit = _optional("submitit", "slurm")
    given = {name: int(value) if value.isdigit() else value for name, value in options.items()}
    try:
        executor = submitit.AutoExecutor(folder=folder, cluster=given.pop("cluster", "slurm"))
        executor.update_parameters(**{"timeout_min": 7 * 24 * 60, **given})
    except (RuntimeError, TypeError, NameError, KeyError, ValueError) as error:
        raise BadConfig(f"--slurm: submitit refuses it: {_first_line(error)}") from error
    submitted = []
    try:
        for task in tasks:
            executor.update_parameters(name=task.name, cpus_per_task=task.threads)
            submitted.append((task, executor.submit(_call, task.command())))
    except Exception as error:  # whatever the queue answers
        raise SweepFailed(f"Slurm took {len(submitted)} of {len(tasks)} jobs: {_first_line(error)}") from error
    for task, job in submitted:
        failure = job.exception()
        done(task, 1 if failure is not None else job.result())


def run_on_ray(tasks: Sequence[SweepTask], options: Mapping[str, str], done: Done) -> None:
    """Run all tasks on a Ray cluster, as many at a time as it has cores for.

    Args:
        tasks: what to run; every node must see the run folders and have this package.
        options: of `ray.init`, for example address=auto; without an address a Ray of this machine is started.
        done: told of each that ends.

    Raises:
        BadConfig: Ray is not installed.
        SweepFailed: the cluster can't be reached, or lost a task.
    """
    ray = _optional("ray", "ray")
    given = {name: int(value) if value.isdigit() else value for name, value in options.items()}
    try:
        ray.init(**{"include_dashboard": False, "log_to_driver": False, "logging_level": logging.ERROR, **given})
    except (ConnectionError, RuntimeError, TypeError, ValueError) as error:
        raise BadConfig(f"--ray: it can't be reached or started: {_first_line(error)}") from error
    try:
        remote = ray.remote(subprocess.call)
        waiting = {remote.options(num_cpus=task.threads).remote(task.command()): task for task in tasks}
        while waiting:
            (ended, *_), _ = ray.wait(list(waiting))
            task = waiting.pop(ended)
            try:
                done(task, ray.get(ended))
            except ray.exceptions.RayError as error:
                raise SweepFailed(f"Ray lost {task.name}: {_first_line(error)}; give the command again") from error
    finally:
        ray.shutdown()


def _call(command: Sequence[str]) -> int:
    return subprocess.call(command)


def _optional(package: str, extra: str) -> Any:
    """An optional dependency.

    Raises:
        BadConfig: it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        install = shell.join(["pip", "install", f"sac-determinism[{extra}]"])
        raise BadConfig(f"--engine {extra}: needs the package {package}: {install}") from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
