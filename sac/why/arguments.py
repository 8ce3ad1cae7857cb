"""What a person types behind `sac why` and `sac trace`: options of its own, and a command."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from sac.why.proof import PROOFS
from sac.why.variation import KINDS


def why_parser() -> argparse.ArgumentParser:
    """Return the parser of what stands before the command of `sac why`."""
    parser = argparse.ArgumentParser(prog="sac why", usage="sac why [options] (-- COMMAND … | A.trace B.trace)")
    add = parser.add_argument
    add("traces", nargs="*", help="two traces of `sac trace`, in place of a command")
    add("--runs", type=int, help="how often the command is run (default: twice, and a third time if those two agree)")
    add("--deep", action="store_true", help="run again, with every torch operation of the diverging event")
    add("--json", action="store_true", help="print one JSON object")
    add("--verbose", action="store_true", help="print all that the answer rests on, and the audit")
    add_run_options(parser)
    return parser


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how a command is run and how long its cause is looked for."""
    add = parser.add_argument
    proofs = "run again at most so many times to prove the cause (default %(default)s; 0: name suspects only)"
    add("--proofs", type=_interventions, default=PROOFS, metavar="N", help=proofs)
    add("--fix", action="store_true", help="go on to the next cause until the runs are equal")
    add("--keep", metavar="FOLDER", help="keep traces, outputs and answer here; `sac report` reads it")
    vary = "an environment variable that each run gets another value of"
    add("--vary", metavar="NAME=A,B", action="append", default=[], help=vary)
    same = f"what the runs are not made to differ in: {', '.join(KINDS)}, or all"
    add("--same", type=_kinds, default=frozenset(), metavar="KIND,…", help=same)
    root = "folder of your own code (default: the nearest project's folder above the script, or the script's own)"
    add("--root", type=_folder, metavar="FOLDER", help=root)
    _add_limits(parser)


def trace_parser() -> argparse.ArgumentParser:
    """Return the parser of what stands before the command of `sac trace`."""
    parser = argparse.ArgumentParser(prog="sac trace", usage="sac trace [options] -- COMMAND …")
    parser.add_argument("-o", "--output", default="run.trace", help="trace to write (default %(default)s)")
    _add_limits(parser)
    return parser


def _add_limits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--until", type=_events, default=0, metavar="EVENTS", help="cut each run off after so many")
    parser.add_argument("--minutes", type=_minutes, default=0.0, help="cut each run off after so many minutes")


def _interventions(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number of interventions, for example 4")
    return int(text)


def _events(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number of events, for example 2000")
    return int(text)


def _minutes(text: str) -> float:
    if not re.fullmatch(r"\d+(\.\d*)?|\.\d+", text) or float(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number of minutes, for example 0.5")
    return float(text)


def _kinds(text: str) -> frozenset[str]:
    names = frozenset(KINDS) if text == "all" else frozenset(text.split(","))
    unknown = sorted(names - KINDS.keys())
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r}: expected some of {', '.join(KINDS)}, or all")
    return names


def _folder(text: str) -> Path:
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text!r}: expected a folder that is there")
    return Path(text)


def split(arguments: Sequence[str], parser: argparse.ArgumentParser) -> tuple[list[str], list[str]]:
    """Cut the arguments into own options and a command, at `--` or where a command begins.

    A program, or a script of Python's, is a command wherever it stands; a trace is none.
    """
    words = list(arguments)
    place = 0
    while place < len(words):
        word = words[place]
        if word == "--":
            return words[:place], words[place + 1 :]
        if not word.startswith("-"):
            break
        place += 1 + _takes_value(word, parser)
    rest = words[place:]
    if not rest or not _is_command(rest[0]):
        return words, []
    # Whoever typed the options behind the command means the command's.
    command = [word for number, word in enumerate(rest) if word != "--" or "--" in rest[:number]]
    return words[:place], [sys.executable, *command] if command[0].endswith(".py") else command


def _takes_value(word: str, parser: argparse.ArgumentParser) -> bool:
    """Whether an option is followed by its value."""
    action = parser._option_string_actions.get(word)
    return action is not None and action.nargs is None


def _is_command(word: str) -> bool:
    if Path(word).is_file():
        return word.endswith((".py", ".sh")) or (shutil.which(word) is not None and Path(word).suffix != ".trace")
    return shutil.which(word) is not None
