"""A failed gate explains itself: where, why and how much, on the terminal and in the job's summary."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sac.report.gate import GateFailure, summary, write_page

FAILURES = pytest.StashKey[list[GateFailure]]()
PAGE = "report.html"


def pytest_configure(config: pytest.Config) -> None:
    config.stash[FAILURES] = []
    config.pluginmanager.register(Collector(config))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Keep with the report, which may travel to another process, what the exception itself knows."""
    report = yield
    if report.failed and call.excinfo is not None:
        error = call.excinfo.value
        report.user_properties += [("error", str(error)), ("ledgers", [str(path) for path in _ledgers(error)])]
    return report


def _ledgers(error: BaseException) -> tuple[Path, ...]:
    return getattr(error, "ledgers", ())


class Collector:
    """Gathers the failures in the process that writes the summary, wherever the tests ran."""

    def __init__(self, config: pytest.Config) -> None:
        self.failures = config.stash[FAILURES]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            known: dict[str, Any] = dict(report.user_properties)
            text = f"{known.get('error')}\n{report.longreprtext}\n{report.capstdout}"
            ledgers = tuple(map(Path, known.get("ledgers", ())))
            self.failures.append(GateFailure(report.nodeid, text, ledgers))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        return
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
