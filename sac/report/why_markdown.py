"""The answer of `sac why` as Markdown; its first three lines are line, reason and fix."""

from __future__ import annotations

import re

from sac.report.answers import Answer, CodeFrame, Outcome

_HEAD: dict[Outcome, str] = {"diverged": "They part at", "equal": "", "nothing proved": ""}


def section(answer: Answer, level: str = "##") -> str:
    """Verdict, code, and audit of one answer."""
    head = " ".join(f"{_HEAD[answer.outcome]} {safe(answer.headline)}".split())
    details = [f"- **{name.capitalize()}:** {safe(text)}" for name, text in answer.details]
    lines = [f"{level} {head}", *details, "", f"Asked: {_code(answer.label)}"]
    for frame in answer.frames:
        lines += ["", *_frame(frame)]
    return "\n".join([*lines, "", *_audit(answer, level)])


def safe(text: str) -> str:
    """Return text on one line in which nothing becomes a tag; what stands in backquotes is code, and stays."""
    parts = " ".join(text.split()).split("`")
    return "`".join(part if at % 2 else part.replace("<", "&lt;") for at, part in enumerate(parts))


def _code(text: str) -> str:
    """Return text as code, whatever backquotes are in it."""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    space = " " if "`" in text else ""
    return f"{fence}{space}{text}{space}{fence}"


def _frame(frame: CodeFrame) -> list[str]:
    shown = [f"{'>' if number == frame.line else ' '} {number:4} | {text}" for number, text in frame.lines]
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", "\n".join(shown))), default=0))
    return [f"{_code(frame.place)} in {_code(frame.function)}", "", f"{fence}text", *shown, fence]


def _audit(answer: Answer, level: str) -> list[str]:
    if not answer.audit:
        return ["Audit: no source of entropy was reached."]
    rows = [
        f"| {_cell(_code(one.place))} | {'**Warning:** ' if one.warning else ''}{_cell(safe(one.text))} |"
        for one in sorted(answer.audit, key=lambda one: not one.warning)
    ]
    head = f"{level}# Audit: what may differ from run to run, even where it did not"
    return [head, "", "| line | what it reached |", "|---|---|", *rows]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
