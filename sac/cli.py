"""The command line: one thin function for each command.

Nothing here imports torch or NumPy at its top: a numerics profile must be prepared before they load.
"""

from __future__ import annotations

import difflib
import io
import sys
import traceback
from collections.abc import Callable, Sequence

from sac import standard_streams
from sac.commands.exit_status import BAD_INPUT, INTERRUPTED, OK, UNFORESEEN
from sac.commands.parsers import diff_parser, eval_parser, report_parser, similarity_parser
from sac.display.terminal import refuse, say
from sac.errors import UserError, is_out_of_memory, memory_ran_out
from sac.numerics.profiles import LoadedTooEarly, NumericsError, restart


def program() -> int:
    """Run the command `sac` in a process of its own, which restarts if torch was loaded too early.

    Whatever becomes of its output, the exit status is that of what it did; an error that nobody foresaw has its own.
    """
    standard_streams.protect()
    try:
        status = _run(None)
    except LoadedTooEarly as error:
        status = _restarted(error)
    except Exception as error:
        status = _unforeseen(error)
    lost = standard_streams.lost_output()
    if lost is not None:
        refuse("sac", f"standard output could not be written ({lost.strerror}): what is there lacks a part")
    return status


def _restarted(error: LoadedTooEarly) -> int:
    """Start this process again with the variables that it lacks; return only if that has been tried already."""
    try:
        restart(error)
    except (NumericsError, OSError) as failed:
        refuse("sac: error", failed)
        return BAD_INPUT


def _unforeseen(error: Exception) -> int:
    """Show the traceback of an error that is no answer about anybody's runs."""
    traceback.print_exception(error)
    words = traceback.format_exception_only(error)[-1].strip()
    refuse(
        "sac: unforeseen error",
        f"{words} (exit status {UNFORESEEN}: a bug in sac or below it, not a result; what was written so far stays; "
        "please report it with the traceback above)",
    )
    return UNFORESEEN


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `sac COMMAND ...` from any code and return its exit status; the calling process is never restarted."""
    try:
        return _run(arguments)
    except LoadedTooEarly as error:
        refuse("sac: error", error)
        return BAD_INPUT


def _run(arguments: Sequence[str] | None) -> int:
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    return _dispatch(arguments)


def _dispatch(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        say(_usage())
        return OK if arguments else BAD_INPUT
    if arguments[0] == "--version":
        from sac import __version__

        say(__version__)
        return OK
    command = _COMMANDS.get(arguments[0])
    if command is None:
        close = difflib.get_close_matches(arguments[0], _COMMANDS, n=1)
        meant = f"did you mean {close[0]}? " if close else ""
        refuse("sac", f"no command {arguments[0]!r}; {meant}there are: {', '.join(_COMMANDS)}")
        return BAD_INPUT
    return _guarded(arguments[0], command, arguments[1:])


def _guarded(name: str, command: Callable[[list[str]], int], arguments: list[str]) -> int:
    """Turn errors that a user can fix into one message and status 2; others keep their traceback."""
    try:
        return command(arguments)
    except KeyboardInterrupt:
        refuse(f"sac {name}", "interrupted")
        return INTERRUPTED
    except LoadedTooEarly:
        raise
    except (UserError, OSError) as error:
        refuse(f"sac {name}: error", error)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        refuse(f"sac {name}: error", memory_ran_out(error))
    return BAD_INPUT


def _usage() -> str:
    lines = [f"  {name:11} {_summary(command)}" for name, command in _COMMANDS.items()]
    return "\n".join(
        ["usage: sac COMMAND ...", "", *lines, "", "`sac COMMAND --help` explains one of them.", _STATUSES]
    )


_STATUSES = (
    f"Exit status: that of the command; {BAD_INPUT} an error that its message explains, {UNFORESEEN} an error that "
    f"nobody foresaw, {INTERRUPTED} interrupted."
)


def _summary(command: Callable[[list[str]], int]) -> str:
    """The first line of what a command says of itself."""
    return (command.__doc__ or "").partition("\n")[0]


def _train(arguments: list[str]) -> int:
    """Train SAC as ManiSkill's sac.py does; equal seeds give equal bits."""
    from sac.commands.train import train_command

    return train_command(arguments)


def _eval(arguments: list[str]) -> int:
    """Evaluate a saved policy over many episodes, with a confidence interval."""
    options = eval_parser().parse_args(arguments)
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
    options = diff_parser().parse_args(arguments)
    from sac.commands.diff import diff_command

    return diff_command(options.a, options.b, options.json, options.require)


def _golden(arguments: list[str]) -> int:
    """Check the committed golden ledgers, or rewrite them with --update."""
    from sac.commands.golden import golden_command

    return golden_command(arguments)


def _report(arguments: list[str]) -> int:
    """Write one page about runs: where they diverge, what they learned, how to reproduce them."""
    options = report_parser().parse_args(arguments)
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


def _similarity(arguments: list[str]) -> int:
    """Say how alike two policies are whose bits differ: parameters, actions, hidden layers, success."""
    options = similarity_parser().parse_args(arguments)
    from sac.numerics import profiles

    profiles.set_variables(options.numerics)
    from sac.commands.similarity import similarity_command

    return similarity_command(options)


def _sensitivity(arguments: list[str]) -> int:
    """Train twice, once with one number changed by one ULP, and show how far the runs come apart."""
    from sac.commands.sensitivity import sensitivity_command

    return sensitivity_command(arguments)


def _verify(arguments: list[str]) -> int:
    """Check every file of a run folder: is it what the run wrote?"""
    from sac.commands.verify import verify_command

    return verify_command(arguments)


def _doctor(arguments: list[str]) -> int:
    """Check what this machine can do, what is missing, and how to fix it."""
    from sac.commands.doctor import doctor_command

    return doctor_command(arguments)


def _completion(arguments: list[str]) -> int:
    """Print the script with which bash, zsh or fish completes commands, flags and files."""
    from sac.completion import completion_command

    return completion_command(arguments, {name: _summary(command) for name, command in _COMMANDS.items()})


_COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "train": _train,
    "eval": _eval,
    "twin": _twin,
    "diff": _diff,
    "sweep": _sweep,
    "stats": _stats,
    "similarity": _similarity,
    "sensitivity": _sensitivity,
    "golden": _golden,
    "why": _why,
    "gate": _gate,
    "trace": _trace,
    "bench": _bench,
    "verify": _verify,
    "doctor": _doctor,
    "report": _report,
    "completion": _completion,
}
