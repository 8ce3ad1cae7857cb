"""From a command line to the program that is executed, and how the tracer gets into it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sac.errors import UserError
from sac.why.tracer import run as runner

SHIMS = "bin"
"""Folder of the stand-ins for interpreters, beside the traces, while the runs go on."""

_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_INTERPRETERS = ("python", "python3", *(f"python3.{minor}" for minor in range(9, 20)))
_SHIM = """#!/bin/sh
case ":${{PYTHONPATH-}}:" in
  *:{inject}:*) ;;
  *) PYTHONPATH={inject}${{PYTHONPATH:+:$PYTHONPATH}}; export PYTHONPATH ;;
esac
exec {interpreter} "$@"
"""


class CantRun(UserError, RuntimeError):
    """The command can't be run; the message says why."""


@dataclass(frozen=True)
class Program:
    """What is executed for a command.

    Attributes:
        words: the program's path, and its arguments.
        how: `script` where `run.py` executes it, `inject` where the tracer comes through `sitecustomize` alone.
        folder: in which the project of the user's own files is looked for.
        variables: of the environment, that the command itself sets.
    """

    words: list[str]
    how: str
    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)


def program_of(command: Sequence[str]) -> Program:
    """Return what to execute for a command.

    The script of `python script.py …` is executed by `run.py`, which can rewrite it; into anything else the tracer
    comes through `sitecustomize`.

    Raises:
        CantRun: there is no such program or script, or it has no lines that could be named.
    """
    variables, command = assigned(command)
    if not command:
        raise CantRun("no command: write it after `--`, for example `sac why -- python train.py`")
    program = shutil.which(command[0], path=variables.get("PATH"))
    if program is None:
        raise CantRun(f"there is no program {command[0]!r}")
    place = 1
    while place < len(command) and command[place].startswith("-") and command[place] not in ("-m", "-c", "-"):
        place += 2 if command[place] in ("-W", "-X") else 1
    is_python = os.path.basename(command[0]).startswith("python")
    if is_python and command[place : place + 1] in (["-c"], ["-"], []):
        raise CantRun("code that is typed in has no lines to be named: write it into a file, `python train.py`")
    if not is_python or command[place][0] == "-":
        return Program([program, *command[1:]], "inject", Path.cwd(), variables)
    script = Path(command[place])
    if script.is_dir():
        if not (script / "__main__.py").is_file():
            raise CantRun(f"the folder {command[place]!r} can't be executed: it holds no __main__.py")
        return Program([program, *command[1:]], "inject", script, variables)
    if not script.is_file():
        raise CantRun(f"there is no script {command[place]!r}")
    words = [program, *command[1:place], str(runner.HERE / "run.py"), *command[place:]]
    return Program(words, "script", script.parent, variables)


def assigned(command: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Split off what a command sets for itself: `NAME=VALUE …`, or `env NAME=VALUE …`.

    `env` would take away what leads the tracer in. With options, it stays as it is.
    """
    words, found = list(command), {}
    rest = words[1:] if words and os.path.basename(words[0]) == "env" else words
    while rest and (match := _ASSIGNMENT.fullmatch(rest[0])):
        found[match[1]] = match[2]
        rest = rest[1:]
    return (found, rest) if rest and not rest[0].startswith("-") else ({}, words)


def with_tracer(variables: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which interpreters find the tracer before all else."""
    path = os.pathsep.join(filter(None, [str(runner.HERE / "inject"), variables.get("PYTHONPATH", "")]))
    return {**variables, "PYTHONPATH": path}


def put_shims(folder: Path, path: str) -> str:
    """Write stand-ins for the interpreters of a search path, which come first on the path that is returned.

    A shell script that says `PYTHONPATH=src python train.py` takes the tracer away; they bring it back.

    Args:
        folder: theirs; made if it isn't there.
        path: folders of programs, as the variable PATH has them.
    """
    found = {name: program for name in _INTERPRETERS if (program := shutil.which(name, path=path))}
    folder.mkdir(exist_ok=True)
    for name, program in found.items():
        shim = folder / name
        if not shim.exists():
            inject = shlex.quote(str(runner.HERE / "inject"))
            shim.write_text(_SHIM.format(inject=inject, interpreter=shlex.quote(program)))
            shim.chmod(0o700)
    return os.pathsep.join((str(folder.resolve()), path))
