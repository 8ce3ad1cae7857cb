"""What a person's shell has: the command `sac`, and lines that a document prints."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from sac.numerics.profiles import PROFILES
from sac.processes import sac_command

ROOT = Path(__file__).parents[2]


def put_command(folder: Path, name: str, script: str) -> None:
    """Put a program into a folder, from a script of sh."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def put_sac(folder: Path) -> None:
    """Put this checkout's `sac` into a folder."""
    put_command(folder, "sac", f'exec {shlex.join(sac_command([]))} "$@"')


def environment(*folders: Path) -> dict[str, str]:
    """Return the environment of a shell that no profile has prepared, with these folders first on its path."""
    clean = {name: value for name, value in os.environ.items() if name not in PROFILES["portable"].environment}
    clean.pop("SAC_RESTARTED", None)
    path = os.pathsep.join([*map(str, folders), str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**clean, "PATH": path, "PYTHONPATH": str(ROOT)}


def run_script(script: str, folder: Path, *folders: Path) -> subprocess.CompletedProcess[str]:
    """Run lines of bash in a folder; the first that fails ends them."""
    command = ["bash", "-eo", "pipefail", "-c", script]
    return subprocess.run(
        command,
        cwd=folder,
        env=environment(*folders),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def blocks(page: Path, language: str, heading: str) -> list[str]:
    """Return the blocks of code in one language under a heading of a page, in order."""
    found = re.split(rf"^#+ {re.escape(heading)}$", page.read_text(), maxsplit=1, flags=re.MULTILINE)
    assert len(found) == 2, f"{page}: no heading {heading!r}"
    section = re.split(r"^#+ ", found[1], maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(rf"^```{language}\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
