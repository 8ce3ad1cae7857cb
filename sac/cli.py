"""The command line: one thin function for each command.

Nothing here imports torch or NumPy at its top: a numerics profile must be prepared before they load.
"""

from __future__ import annotations

import argparse
import difflib
import io
import os
import sys
from collections.abc import Callable, Sequence

from sac.commands.exit_status import BAD_INPUT, BROKEN_PIPE, INTERRUPTED, OK
from sac.errors import UserError
from sac.numerics.profiles import LoadedTooEarly, restart


def program() -> int:
    """Run the command `sac` in a process of its own, which restarts if torch was loaded too early."""
    try:
        return _run(None)
    except LoadedTooEarly as error:
        restart(error)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `sac COMMAND ...` from any code and return its exit status; the calling process is never restarted."""
    try:
        return _run(arguments)
    except LoadedTooEarly as error:
        print(f"sac: error: {error}", file=sys.stderr)
        return BAD_INPUT


def _run(arguments: Sequence[str] | None) -> int:
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = _dispatch(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of the output has gone (`| head`): use the shell's own status for that, and flush nothing more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return BROKEN_PIPE
    return status


def _dispatch(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_usage())
        return OK if arguments else BAD_INPUT
    if arguments[0] == "--version":
        from sac import __version__

        print(__version__)
        return OK
    command = _COMMANDS.get(arguments[0])
    if command is None:
        close = difflib.get_close_matches(arguments[0], _COMMANDS, n=1)
        meant = f"did you mean {close[0]}? " if close else ""
        print(f"sac: no command {arguments[0]!r}; {meant}there are: {', '.join(_COMMANDS)}", file=sys.stderr)
        return BAD_INPUT
    return _guarded(arguments[0], command, arguments[1:])


def _guarded(name: str, command: Callable[[list[str]], int], arguments: list[str]) -> int:
    """Turn errors that a user can fix into one message and status 2; others keep their traceback."""
    try:
        return command(arguments)
    except KeyboardInterrupt:
        print(f"sac {name}: interrupted", file=sys.stderr)
        return INTERRUPTED
    except (BrokenPipeError, LoadedTooEarly):
        raise
    except (UserError, OSError, MemoryError) as error:
        print(f"sac {name}: error: {error}", file=sys.stderr)
        return BAD_INPUT


def _usage() -> str:
    lines = [f"  {name:8} {command.__doc__.splitlines()[0]}" for name, command in _COMMANDS.items() if command.__doc__]
    return "\n".join(["usage: sac COMMAND ...", "", *lines, "", "`sac COMMAND --help` explains one of them."])


def _train(arguments: list[str]) -> int:
    """Train SAC as ManiSkill's sac.py does; equal seeds give equal bits."""
    from sac.commands.train import train_command

    return train_command(arguments)


def _eval(arguments: list[str]) -> int:
    """Evaluate a saved policy over many episodes, with a confidence interval."""
    parser = argparse.ArgumentParser(
        prog="sac eval",
        description="Evaluate a saved policy over many episodes: means, with a 95 % interval where they vary.",
    )
    policy = parser.add_mutually_exclusive_group(required=True)
    what = "policy file, or a run folder, whose policy.pt is taken"
    policy.add_argument("policy", nargs="?", type=os.path.expanduser, metavar="RUN", help=what)
    policy.add_argument("--checkpoint", type=os.path.expanduser, metavar="RUN", help="the same, under ManiSkill's name")
    parser.add_argument("--env_id", "--env-id", help="task; default: that of the run that holds the policy")
    parser.add_argument("--control_mode", "--control-mode", help="control mode; default: that of the same run")
    parser.add_argument("--reward_mode", "--reward-mode", help="reward mode; default: that of the same run")
    what = "module or file that registers the task, can be given several times; default: those of the same run"
    parser.add_argument("--import", dest="imports", action="append", metavar="MODULE", help=what)
    parser.add_argument("--episodes", type=int, default=100, help="number of episodes (default %(default)s)")
    parser.add_argument(
        "--num_eval_envs",
        "--num-eval-envs",
        type=int,
        default=4,
        help="number of parallel environments (default %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=10_000, help="root seed of the episodes (default %(default)s)")
    parser.add_argument("--numerics", choices=("fast", "deterministic", "portable"), default="deterministic")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    options.checkpoint = options.checkpoint or options.policy
    from sac.numerics import profiles

    profiles.set_variables(options.numerics)
    from sac.commands.evaluate import evaluate_command

    return evaluate_command(options)


def _twin(arguments: list[str]) -> int:
    """Train twice with the same flags, each time in a fresh process, and compare."""
    from sac.commands.twin import twin_command

    return twin_command(arguments)


def _diff(arguments: list[str]) -> int:
    """Compare two run folders or ledgers: where do they diverge first?"""
    parser = argparse.ArgumentParser(
        prog="sac diff",
        description="Compare two runs by their ledgers: in which iteration and which quantity do they diverge first? "
        "If one run is longer, only what both hold is compared.",
        epilog="Exit status: 0 equal, 1 diverged, 2 not comparable, or what --require names was not compared.",
    )
    parser.add_argument("a", type=os.path.expanduser, help="run folder or ledger")
    parser.add_argument("b", type=os.path.expanduser, help="run folder or ledger")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    what = "fail with status 2 unless this was compared; can be given several times"
    parser.add_argument("--require", choices=("update", "evaluation"), action="append", default=[], help=what)
    options = parser.parse_args(arguments)
    from sac.commands.diff import diff_command

    return diff_command(options.a, options.b, options.json, options.require)


def _golden(arguments: list[str]) -> int:
    """Check the committed golden ledgers, or rewrite them with --update."""
    from sac.commands.golden import golden_command

    return golden_command(arguments)


def _report(arguments: list[str]) -> int:
    """Write one page about runs: where they diverge, what they learned, how to reproduce them."""
    parser = argparse.ArgumentParser(
        prog="sac report",
        description="Write one page about runs: where they diverge, what they learned, and how to reproduce them. "
        "All runs are compared with the first.",
    )
    what = "run folder, ledger, folder of run folders, or what `sac why` (--keep, --json) or `sac bench compare` wrote"
    parser.add_argument("runs", nargs="+", type=os.path.expanduser, metavar="RUN", help=what)
    page = "the page (default report.html)"
    parser.add_argument("-o", "--output", type=os.path.expanduser, metavar="FILE.html", help=page)
    parser.add_argument(
        "--markdown", type=os.path.expanduser, metavar="FILE", help="the same as Markdown; - is standard output"
    )
    options = parser.parse_args(arguments)
    from sac.report.command import report_command

    return report_command(options.runs, options.output, options.markdown)


def _bench(arguments: list[str]) -> int:
    """Compare the speed of two revisions, which run in turns."""
    from sac.bench.command import bench_command

    return bench_command(arguments)


def _why(arguments: list[str]) -> int:
    """Run any script twice, find where the runs diverge first, and name the cause."""
    from sac.why.command import why_command

    return why_command(arguments)


def _gate(arguments: list[str]) -> int:
    """Run any script several times and fail where the runs differ: the gate of a pull request."""
    from sac.why.gate import gate_command

    return gate_command(arguments)


def _trace(arguments: list[str]) -> int:
    """Run any script once and write its trace, for `sac why` to compare."""
    from sac.why.command import trace_command

    return trace_command(arguments)


def _sweep(arguments: list[str]) -> int:
    """Train with many seeds and settings; go on with what is unfinished."""
    from sac.commands.sweep import sweep_command

    return sweep_command(arguments)


def _stats(arguments: list[str]) -> int:
    """Say what seeds tell of an experiment, and whether two experiments differ by more than chance."""
    from sac.commands.stats import stats_command

    return stats_command(arguments)


def _doctor(arguments: list[str]) -> int:
    """Check what this machine can do, what is missing, and how to fix it."""
    from sac.commands.doctor import doctor_command

    return doctor_command(arguments)


_COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "train": _train,
    "eval": _eval,
    "twin": _twin,
    "diff": _diff,
    "sweep": _sweep,
    "stats": _stats,
    "golden": _golden,
    "why": _why,
    "gate": _gate,
    "trace": _trace,
    "bench": _bench,
    "doctor": _doctor,
    "report": _report,
}
