"""What a GPU's figures are held against, and the summary of `tools.gpu`: pure functions of what the parts left."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

PEERS = {"eager port": ("the eager port", 8.0), "compile + cudagraphs": ("LeanRL's recipe", 1.3)}
"""Contenders of `update_peers`, in words, and how many times as fast as each the learner has to be at batch 1024."""
MOST_SECONDS, STEPS, CORES = 300, 500_032, 16

Found = Mapping[str, Any]
Records = Mapping[str, Found]


class Verdict(Enum):
    """What became of an aim; the value is the word in the table."""

    MET = "met"
    MISSED = "not met"
    NOT_RUN = "not run"
    NOT_THIS = "trial: not the full command"
    FAILED = "error"
    NONE = "no aim"


@dataclass(frozen=True)
class Aim:
    """One line of the table.

    Attributes:
        part: the part that measures it.
        text: the aim in words.
        judge: what was measured, in words, and the verdict; asked only where the part could find out.
    """

    part: str
    text: str
    judge: Callable[[Found], tuple[str, Verdict]]


@dataclass(frozen=True)
class Row:
    """An aim and what became of it."""

    aim: Aim
    measured: str
    verdict: Verdict


def verdict(met: bool) -> Verdict:
    """The verdict of an aim that was tried."""
    return Verdict.MET if met else Verdict.MISSED


def tests_pass(found: Found) -> tuple[str, Verdict]:
    """A skipped test has shown nothing: Triton may be missing."""
    passed = found["tests"] - found["failed"] - found["skipped"]
    text = f"{passed} passed, {found['failed']} failed, {found['skipped']} skipped"
    return text, verdict(found["status"] == 0 and passed > 0 and passed == found["tests"])


def runs_equal(found: Found) -> tuple[str, Verdict]:
    """A trial that parts misses the aim; one that does not is too short to meet it."""
    text = f"{found['ledgers']}; policy.pt {'the same bytes' if found['policies_equal'] else 'differs'}"
    if found["status"] == 0 and not found.get("full", True):
        return text, Verdict.NOT_THIS
    return text, verdict(found["status"] == 0)


def quick_enough(found: Found) -> tuple[str, Verdict]:
    """Only the whole command says how long the whole command takes."""
    text = f"{found['steps']:,} steps in {found['wall_seconds']:.0f} s; success_once {found['success_once']}"
    if not found["full"]:
        return text, Verdict.NOT_THIS
    return text, verdict(found["steps"] == STEPS and found["wall_seconds"] <= MOST_SECONDS)


def ratios(slow: list[float], quick: list[float]) -> list[float]:
    """How many times as fast the second was, round by round."""
    return [a / b for a, b in zip(slow, quick, strict=True)]


def in_words(found: list[float]) -> str:
    """Median, lowest and highest."""
    return f"{statistics.median(found):.2f} ({min(found):.2f}, {max(found):.2f}; {len(found)} rounds)"


def against(peer: str, batch: int, least: float | None) -> Callable[[Found], tuple[str, Verdict]]:
    """Judges the learner's gradient steps against a peer's."""

    def judge(found: Found) -> tuple[str, Verdict]:
        seconds = found["seconds_of"].get(str(batch))
        if seconds is None:
            left_out = "this batch was left out", Verdict.NOT_RUN
            return (found["error"], Verdict.FAILED) if "error" in found else left_out
        times = ratios(seconds[peer], seconds["ours"])
        rates = [1 / statistics.median(seconds[name]) for name in ("ours", peer)]
        text = f"{in_words(times)}: {rates[0]:,.0f} against {rates[1]:,.0f} updates/s"
        return text, Verdict.NONE if least is None else verdict(statistics.median(times) >= least)

    return judge


def overlap_gain(found: Found) -> tuple[str, Verdict]:
    """Nobody has set an aim for it."""
    seconds = found["seconds_of"]
    return in_words(ratios(seconds["default"], seconds["overlapped"])), Verdict.NONE


AIMS = (
    Aim("tests", "the tests that need a GPU pass, and none is skipped", tests_pass),
    Aim("twin", "two trainings on the GPU (Point-v1) are equal", runs_equal),
    *(
        Aim("updates", f"batch 1024: at least {least:g} times as fast as {words}", against(peer, 1024, least))
        for peer, (words, least) in PEERS.items()
    ),
    *(
        Aim("updates", f"batch {batch}: times as fast as {words}", against(peer, batch, None))
        for batch in (256, 4096)
        for peer, (words, _) in PEERS.items()
    ),
    Aim("overlap", "env steps with `--overlap`: times as fast as without", overlap_gain),
    *(
        Aim(f"issue_1250_{run}", f"{STEPS:,} steps in at most {MOST_SECONDS} s, {run} run", quick_enough)
        for run in ("first", "second")
    ),
    Aim("issue_1250_equal", "both runs are equal: every line of the ledgers, every byte of policy.pt", runs_equal),
)


def rows(records: Records) -> list[Row]:
    """Every aim and what became of it, by what the parts left."""
    return [Row(aim, *judged(aim, records)) for aim in AIMS]


def judged(aim: Aim, records: Records) -> tuple[str, Verdict]:
    """What was measured for an aim, and the verdict."""
    found = records.get(aim.part)
    if found is None:
        return "", Verdict.NOT_RUN
    if found["status"] == 2:
        return found["error"], Verdict.FAILED
    if is_outdated(found, records):
        return "a run has been made again since: compare again", Verdict.NOT_RUN
    return aim.judge(found)


def is_outdated(found: Found, records: Records) -> bool:
    """Whether a comparison is one of runs that others have taken the place of."""
    newest = [records.get(f"issue_1250_{run}", {}).get("run") for run in ("first", "second")]
    return "runs" in found and found["runs"] != newest


def exit_status(table: list[Row], parts: list[str]) -> int:
    """0: no aim of these parts is missed; 1: one is; 2: one could not be tried."""
    found = {row.verdict for row in table if row.aim.part in parts}
    return 2 if Verdict.FAILED in found else int(Verdict.MISSED in found)


def summary(records: Records) -> str:
    """The results in Markdown: the machine, or machines, and the table of aims."""
    table = [
        f"| {row.aim.part} | {row.aim.text} | {row.measured} | {row.verdict.value} "
        f"| {records.get(row.aim.part, {}).get('ended', '')} |"
        for row in rows(records)
    ]
    head = ["| part | aim | measured | verdict | ended |", "|---|---|---|---|---|"]
    return "\n".join(["# On a GPU", "", *machines(records), *head, *table]) + "\n"


def machines(records: Records) -> list[str]:
    """What the figures belong to: a table for each machine and revision that parts ran on."""
    lines: list[str] = []
    seen = [found["machine"] for found in records.values()]
    for facts in (facts for number, facts in enumerate(seen) if facts not in seen[:number]):
        parts = [part for part, found in records.items() if found["machine"] == facts]
        lines += [f"| machine of | {', '.join(parts)} |", "|---|---|"]
        lines += [*(f"| {name} | {value} |" for name, value in facts.items()), ""]
        if facts["cores"] != CORES:
            lines += [f"The aims are those of a machine with {CORES} cores; this one has {facts['cores']}.", ""]
    return lines
