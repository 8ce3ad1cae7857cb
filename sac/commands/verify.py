"""`sac verify RUN`: is a run folder what the run wrote?"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sac.commands.exit_status import DAMAGED, OK
from sac.display.terminal import say
from sac.display.visible import one_line
from sac.run.folder import RunFolder

if TYPE_CHECKING:
    from sac.checkpoint.integrity import FileFinding

_MARKS = {"whole": "ok ", "damaged": "BAD", "unchecked": "?  "}


def verify_parser() -> argparse.ArgumentParser:
    """Return the parser of `sac verify`."""
    parser = argparse.ArgumentParser(
        prog="sac verify",
        description="Check every file of a run folder against its checksum, or where it has none, its form. "
        "Each line says by what a file was checked, and what is not covered.",
        epilog="Exit status: 0 whole, 1 damaged, 2 not a run folder.",
    )
    parser.add_argument("run", type=os.path.expanduser, metavar="RUN", help="run folder")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def verify_command(arguments: Sequence[str]) -> int:
    """Run `sac verify`: return 0 if no file of the run is damaged, else 1.

    Raises:
        BadConfig: the folder is no run's.
    """
    options = verify_parser().parse_args(list(arguments))
    # It needs torch, which takes seconds; the parser alone, for help and completion, does not.
    from sac.checkpoint.integrity import check_run

    findings = check_run(RunFolder(Path(options.run)))
    bad = [finding for finding in findings if finding.state == "damaged"]
    if options.json:
        files = [dataclasses.asdict(finding) for finding in findings]
        say(json.dumps({"whole": not bad, "files": files}))
    else:
        _tell(findings, len(bad))
    return DAMAGED if bad else OK


def _tell(findings: Sequence[FileFinding], bad: int) -> None:
    for finding in findings:
        say(f"{_MARKS[finding.state]}  {one_line(finding.name)}: {one_line(finding.text)}")
    unchecked = sum(finding.state == "unchecked" for finding in findings)
    open_ones = f"; {unchecked} of {len(findings)} not covered by a checksum" if unchecked else ""
    say(f"damaged: {bad} of {len(findings)} files{open_ones}" if bad else f"whole: {len(findings)} files{open_ones}")
