"""`sac completion SHELL`: prints the script that lets a shell complete commands, flags and files.

shtab writes it from the parsers of all commands. The flags of `sac train` stand in a dataclass, which tyro reads when a
command line is parsed; here they become plain options.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any, get_args, get_type_hints

import docstring_parser
import shtab

from sac import flags
from sac.bench.command import parser as bench_parser
from sac.commands.exit_status import OK
from sac.commands.golden import golden_parser
from sac.commands.parsers import (
    diff_parser,
    doctor_parser,
    eval_parser,
    report_parser,
    sensitivity_parser,
    similarity_parser,
    stats_parser,
    sweep_parser,
)
from sac.commands.train_flags import ResumeFlags
from sac.commands.twin import twin_parser
from sac.commands.verify import verify_parser
from sac.display.terminal import say
from sac.why.arguments import trace_parser, why_parser
from sac.why.gate import gate_parser

_GROUPS = (flags.ExperimentFlags, flags.EnvironmentFlags, flags.AlgorithmFlags, flags.MachineFlags, flags.RunFlags)
_FILES = {"checkpoint", "keep", "output", "markdown", "json", "compare", "imports", "traces"}
_FOLDERS = {"run_dir", "resume", "root", "dir", "sweep_dir", "csv", "observations", "changed_only"}


def completion_parser() -> argparse.ArgumentParser:
    """Return the parser of `sac completion`."""
    parser = argparse.ArgumentParser(
        prog="sac completion",
        description="Print a script with which a shell completes commands, flags and files of `sac`.",
        epilog="bash: source <(sac completion bash). zsh: sac completion zsh > FOLDER-IN-FPATH/_sac. "
        "fish: sac completion fish > ~/.config/fish/completions/sac.fish.",
    )
    parser.add_argument("shell", choices=("bash", "zsh", "fish"))
    return parser


def completion_command(arguments: Sequence[str], commands: Mapping[str, str]) -> int:
    """Print the script; `commands` are the names of all commands, each with what it does."""
    options = completion_parser().parse_args(list(arguments))
    say(shtab.complete(program_parser(commands), shell=options.shell))
    return OK


def program_parser(commands: Mapping[str, str]) -> argparse.ArgumentParser:
    """Return one parser of the whole program, for completion alone: values are not checked."""
    top = argparse.ArgumentParser(prog="sac")
    top.add_argument("--version", action="store_true", help="print the version")
    places = top.add_subparsers()
    for name, what in commands.items():
        parser = _PARSERS[name]()
        places.add_parser(name, help=what, parents=[parser], add_help=False, description=what)
        for action in parser._actions:
            _complete_files(action)
    return top


def _train_parser(*others: type) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sac train")
    for group in (*_GROUPS, *others):
        described = {one.arg_name: one.description for one in docstring_parser.parse_from_object(group).params}
        hints = get_type_hints(group)
        for field in dataclasses.fields(group):
            help_text = " ".join((described.get(field.name) or "").split()).replace("%", "%%")
            _add_flag(parser, field.name, hints[field.name], help_text)
    return parser


def _add_flag(parser: argparse.ArgumentParser, name: str, kind: Any, help_text: str) -> None:
    flag = "--import" if name == "imports" else f"--{name}"
    if kind is bool:
        parser.add_argument(flag, f"--no-{name}", dest=name, action="store_true", help=help_text)
        return
    words = [word for part in (kind, *get_args(kind)) for word in get_args(part) if isinstance(word, str)]
    # Where a number is taken too, the words are what can be completed.
    parser.add_argument(flag, dest=name, choices=list(dict.fromkeys(words)) or None, help=help_text)


def _twin_parser() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(parents=[_train_parser(), twin_parser()], conflict_handler="resolve")


def _sweep_parser() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(parents=[_train_parser(), sweep_parser()], conflict_handler="resolve")


def _sensitivity_parser() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(parents=[_train_parser(), sensitivity_parser()], conflict_handler="resolve")


def _of_command(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """The parser, with the words of a stranger's command, which are files where they are anything."""
    parser.add_argument("command", nargs="*", help="command to run").complete = shtab.FILE  # type: ignore[attr-defined]
    return parser


def _complete_files(action: argparse.Action) -> None:
    """Let what names a file or a folder be completed by those that are there."""
    if action.nargs == 0 or action.choices or hasattr(action, "complete"):
        return
    if action.dest in _FOLDERS:
        action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    elif action.dest in _FILES or action.type is os.path.expanduser:
        action.complete = shtab.FILE  # type: ignore[attr-defined]


_PARSERS = {
    "train": lambda: _train_parser(ResumeFlags),
    "eval": eval_parser,
    "twin": _twin_parser,
    "diff": diff_parser,
    "sweep": _sweep_parser,
    "stats": stats_parser,
    "similarity": similarity_parser,
    "sensitivity": _sensitivity_parser,
    "golden": golden_parser,
    "why": lambda: _of_command(why_parser()),
    "gate": lambda: _of_command(gate_parser()),
    "trace": lambda: _of_command(trace_parser()),
    "bench": bench_parser,
    "verify": verify_parser,
    "doctor": doctor_parser,
    "report": report_parser,
    "completion": completion_parser,
}
