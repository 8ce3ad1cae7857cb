"""`sac sweep`: the same training under many seeds and settings, each once, whatever interrupts it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from sac.commands.exit_status import BAD_INPUT, OK
from sac.commands.parsers import sweep_parser
from sac.commands.sweep_engines import SweepTask, run_locally, run_on_ray, run_on_slurm
from sac.commands.sweep_plan import SweepRun, make_plan, parse_grid, parse_seeds, require_free
from sac.commands.sweep_progress import SweepProgress
from sac.config import BadConfig, TrainConfig
from sac.display import shell
from sac.display.terminal import complain, refuse, say
from sac.display.visible import one_line
from sac.kernels.level import level
from sac.numerics.machine import available_memory, usable_cores
from sac.numerics.profiles import default_threads
from sac.processes import ended_by_signals
from sac.run import storage
from sac.run.lock import RunLock

_LOGS = "logs"
_PROCESS_BYTES, _ROW_BYTES = 1 << 30, 640
"""Memory of a training without its replay buffer, and of one transition in it: reckoned with, not measured."""


def sweep_command(arguments: Sequence[str]) -> int:
    """Run `sac sweep`: return 0 if every run is finished, 2 if one failed.

    Raises:
        BadConfig: a flag's value can't be used, or a folder holds runs of another experiment.
    """
    options, flags = sweep_parser().parse_known_args(list(arguments))
    require_free(flags)
    engine_options = _engine_options(options)
    seeds, grid = parse_seeds(options.seeds), parse_grid(options.grid)
    root = Path(options.sweep_dir) if options.sweep_dir else _default_root(flags, seeds[0], grid)
    plan = make_plan(root, flags, seeds, grid)
    storage.make_folder(root / _LOGS)
    with RunLock(root / "lock"):
        missing = [run for run in plan if run.state != "finished"]
        local = options.engine == "local"
        jobs = _jobs(options.jobs, missing, local)
        tasks = [_task(run, jobs, root, local) for run in missing]
        complain(_announcement(plan, missing, jobs if local else 0, root))
        failures = _train(options.engine, engine_options, tasks, missing, jobs, root)
    for line in failures:
        refuse("sac sweep", line)
    _summarise(plan, root)
    return BAD_INPUT if failures else OK


def _train(
    engine: str, options: dict[str, str], tasks: Sequence[SweepTask], runs: Sequence[SweepRun], jobs: int, root: Path
) -> list[str]:
    """Run what is missing; returns a line for each that failed."""
    failures: list[str] = []
    if not tasks:
        return failures
    with ended_by_signals(), SweepProgress(runs) as progress:

        def done(task: SweepTask, status: int) -> None:
            progress.done(task.name, status)
            if status != 0:
                failures.append(f"{task.name} ended with status {status}: {_last_line(task.log)} (see {task.log})")

        if engine == "slurm":
            run_on_slurm(tasks, root / _LOGS / "submitit", options, done)
        elif engine == "ray":
            run_on_ray(tasks, options, done)
        else:
            run_locally(tasks, jobs, done)
    return failures


def _engine_options(options: argparse.Namespace) -> dict[str, str]:
    """The options of the engine that was chosen.

    Raises:
        BadConfig: they are for another engine, or no NAME=VALUE.
    """
    for name in ("slurm", "ray"):
        if getattr(options, name) and options.engine != name:
            raise BadConfig(f"--{name} {getattr(options, name)[0]}: needs --engine {name}")
    given: list[str] = getattr(options, options.engine, [])
    for item in given:
        if not item.partition("=")[1]:
            raise BadConfig(f"--{options.engine} {item}: must be NAME=VALUE")
    return {item.partition("=")[0]: item.partition("=")[2] for item in given}


def _default_root(flags: Sequence[str], seed: int, grid: Sequence[dict[str, str]]) -> Path:
    config = make_plan(Path("."), flags, [seed], grid[:1])[0].config
    return Path("runs") / (config.exp_name or f"{config.env_id.replace('/', '_')}__sweep")


def _jobs(asked: str, runs: Sequence[SweepRun], local: bool = True) -> int:
    """How many runs go at once on this machine.

    Raises:
        BadConfig: the number asked for is none.
    """
    if asked != "auto":
        if not asked.isdigit() or int(asked) < 1:
            raise BadConfig(f"--jobs {asked}: must be auto or at least 1")
        return int(asked)
    if not runs:
        return 1
    by_cores = usable_cores() // max(1 if local and _shares_cores(run) else _threads(run.config) for run in runs)
    by_memory = int(available_memory() / max(_memory(run.config) for run in runs))
    return max(1, min(by_cores, by_memory, len(runs)))


def _shares_cores(run: SweepRun) -> bool:
    """Whether a run may have any number of threads: none was asked for, and no bit depends on it."""
    return run.config.threads == 0 and run.state == "new" and level() is not None


def _threads(config: TrainConfig) -> int:
    return config.threads or default_threads(config.numerics)


def _memory(config: TrainConfig) -> float:
    return _PROCESS_BYTES + _ROW_BYTES * float(min(config.buffer_size, config.total_timesteps))


def _task(run: SweepRun, jobs: int, root: Path, local: bool = True) -> SweepTask:
    """What runs it. Workers that would crowd each other share the cores, and threads where no bit depends on them."""
    words, threads, share = run.command(), _threads(run.config), max(1, usable_cores() // jobs)
    if run.config.workers == "auto" and jobs > 1:
        words.append(f"--workers={min(share, run.config.num_envs) if share > 1 else 'serial'}")
    if local and jobs > 1 and _shares_cores(run):
        threads = min(share, threads)
        words.append(f"--threads={threads}")
    words.append("--no-progress")
    return SweepTask(run.name, tuple(words), root / _LOGS / f"{run.name}.txt", threads)


def _announcement(plan: Sequence[SweepRun], missing: Sequence[SweepRun], jobs: int, root: Path) -> str:
    begun = sum(run.state == "unfinished" for run in missing)
    parts = [
        f"{len(plan)} runs in {one_line(str(root))}",
        f"{len(plan) - len(missing)} finished",
        f"{begun} to go on with",
    ]
    parts += [f"{len(missing) - begun} new"] + ([f"{jobs} at a time"] if jobs and missing else [])
    return f"sac sweep: {', '.join(parts)}"


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1][:300] if lines else "it printed nothing"


def _summarise(plan: Sequence[SweepRun], root: Path) -> None:
    """Print what the runs found so far, and what to do next."""
    evaluated = [run.folder.root for run in plan if run.state == "finished" and run.config.eval_freq]
    if evaluated:
        # SciPy's statistics take a second to import: not before anything has been trained.
        from sac.statistics.runs import read_groups
        from sac.statistics.summary import Question, tables_of
        from sac.statistics.tables import to_markdown

        groups, _ = read_groups(evaluated, "success_once")
        say(to_markdown(tables_of(groups, Question("success_once", matters=0.2))[0]))
    finished = sum(run.state == "finished" for run in plan)
    say(f"\n{finished} of {len(plan)} runs are finished in {one_line(str(root))}")
    if finished:
        say(f"next: sac stats {shell.path(root)}; sac report {shell.path(root)}")
