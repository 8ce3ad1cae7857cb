"""The answer of `sac why` as Markdown; its first three lines are line, reason and fix."""

from __future__ import annotations

from sac.display.markdown import block, cell, code, code_cell, prose
from sac.display.visible import one_line
from sac.report.answers import Answer, CodeFrame, Outcome

_HEAD: dict[Outcome, str] = {"diverged": "They part at", "equal": "", "nothing proved": ""}


def section(answer: Answer, level: str = "##") -> str:
    """Verdict, code, and audit of one answer."""
    head = " ".join(f"{_HEAD[answer.outcome]} {prose(answer.headline)}".split())
    details = [f"- **{name.capitalize()}:** {prose(text)}" for name, text in answer.details]
    lines = [f"{level} {head}", *details, "", f"Asked: {code(answer.label)}"]
    for frame in answer.frames:
        lines += ["", *_frame(frame)]
    return "\n".join([*lines, "", *_audit(answer, level)])


def _frame(frame: CodeFrame) -> list[str]:
    shown = [f"{'>' if number == frame.line else ' '} {number:4} | {text}" for number, text in frame.lines]
    return [f"{code(frame.place)} in {code(frame.function)}", "", block("\n".join(map(one_line, shown)))]


def _audit(answer: Answer, level: str) -> list[str]:
    if not answer.audit:
        return ["Audit: no source of entropy was reached."]
    rows = [
        f"| {code_cell(one.place)} | {'**Warning:** ' if one.warning else ''}{cell(one.text)} |"
        for one in sorted(answer.audit, key=lambda one: not one.warning)
    ]
    head = f"{level}# Audit: what may differ from run to run, even where it did not"
    return [head, "", "| line | what it reached |", "|---|---|", *rows]
