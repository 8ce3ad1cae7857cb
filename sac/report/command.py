"""`sac report`: the page, the Markdown, or both."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sac.config import BadConfig
from sac.report import benches, html, markdown
from sac.report.model import make_report
from sac.report.runs import read_runs

DEFAULT_PAGE = "report.html"


def report_command(paths: Sequence[str], output: str | None, text: str | None) -> int:
    """Write what is asked for, and return 0: what the report says is no error of the report.

    Args:
        paths: run folders, ledger files, folders of run folders, or files of `sac bench compare --json`.
        output: file of the page; by default `report.html`, unless only Markdown is asked for.
        text: file of the Markdown; `-` is standard output.

    Raises:
        BadConfig: there is no run, or a file can't be written.
    """
    runs, files = benches.split(paths)
    speed = benches.read_benches(files)
    report = replace(make_report(read_runs(runs)), benches=speed) if runs else None
    if output is None and text is None:
        output = DEFAULT_PAGE
    if output is not None:
        _write(output, html.page(report) if report else benches.page(speed))
        print(f"report: {output}", file=sys.stderr if text == "-" else sys.stdout)
    if text is not None:
        words = markdown.document(report) if report else benches.document(speed)
        if text == "-":
            print(words, end="")
        else:
            _write(text, words)
    return 0


def _write(path: str, content: str) -> None:
    try:
        Path(path).write_text(content, encoding="utf-8")
    except OSError as error:
        raise BadConfig(f"{path}: can't be written ({error.strerror}); give a file in a folder that can") from error
