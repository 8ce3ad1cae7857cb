"""`sac report`: the page, the Markdown, or both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sac.config import BadConfig
from sac.display.terminal import complain, say
from sac.report import benches, html, markdown
from sac.report.answers import read_answer, split_paths
from sac.report.model import make_report
from sac.report.runs import read_runs

DEFAULT_PAGE = "report.html"


def report_command(paths: Sequence[str], output: str | None, text: str | None) -> int:
    """Write what is asked for, and return 0: what the report says is no error of the report.

    Args:
        paths: run folders, ledger files, folders of run folders, answers of `sac why`, or files of `sac bench compare
            --json`.
        output: file of the page; by default `report.html`, unless only Markdown is asked for.
        text: file of the Markdown; `-` is standard output.

    Raises:
        BadConfig: there is no run or answer, or a file can't be written.
        LedgerError: a file is no ledger.
    """
    answers, others = split_paths(paths)
    runs, files = benches.split(others)
    report = make_report(read_runs(runs), [read_answer(path) for path in answers], benches.read_benches(files))
    if output is None and text is None:
        output = DEFAULT_PAGE
    if output is not None:
        _write(output, html.page(report))
        (complain if text == "-" else say)(f"report: {output}")
    if text is not None:
        words = markdown.document(report)
        if text == "-":
            say(words, end="")
        else:
            _write(text, words)
    return 0


def _write(path: str, content: str) -> None:
    try:
        Path(path).write_text(content, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise BadConfig(f"{path}: can't be written ({error.strerror}); give a file in a folder that can") from error
