"""A failed gate explains itself: where, why and how much, on the terminal and in the job's summary."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sac.report.gate import GateFailure, summary, write_page

FAILURES = pytest.StashKey[list[GateFailure]]()
PAGE = "report.html"


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FAILURES] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if report.failed:
        error = call.excinfo.value if call.excinfo else None
        text = f"{error}\n{report.longreprtext}\n{report.capstdout}"
        item.config.stash[FAILURES].append(GateFailure(item.nodeid, text, getattr(error, "ledgers", ())))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    failures = config.stash[FAILURES]
    passed = len(terminalreporter.stats.get("passed", ()))
    if failures:
        folder = config.option.basetemp
        page = Path(folder) / PAGE if folder else None
        terminalreporter.section("why the gate failed")
        # The verdict alone: strips and tables are for the job's summary and the page.
        terminalreporter.write_line(summary(failures, passed).partition("\n### Ledgers")[0])
        if page and write_page(failures, page):
            terminalreporter.write_line(f"the runs side by side: {page}")
    if target := os.environ.get("GITHUB_STEP_SUMMARY"):
        with open(target, "a", encoding="utf-8") as file:
            file.write(summary(failures, passed) + "\n")
