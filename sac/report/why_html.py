"""The answer of `sac why` as a section of the page."""

from __future__ import annotations

from html import escape

from sac.report.answers import Answer, CodeFrame, Outcome, Reached
from sac.report.prose import prose

_TONE: dict[Outcome, str] = {"diverged": "diverged", "equal": "equal", "nothing proved": "open"}
_WORD: dict[Outcome, str] = {"diverged": "They part", "equal": "Equal", "nothing proved": "Nothing proved"}


def section(answer: Answer, number: int) -> str:
    """Verdict, code, and audit of one answer."""
    title = f"why-{number}"
    return (
        f'<section aria-labelledby="{title}"><h2 id="{title}">Asked why of <code>{escape(answer.label)}</code></h2>'
        f'<div class="verdict {_TONE[answer.outcome]}"><p class="word">{_WORD[answer.outcome]}</p>'
        f'<p class="head">{escape(answer.headline)}</p>{"".join(map(_frame, answer.frames))}<dl>{_details(answer)}</dl>'
        f"</div>{_audit(answer.audit)}</section>"
    )


def _details(answer: Answer) -> str:
    """Name and texts; what follows under the same name stands below it."""
    shown = ""
    last = ""
    for name, text in answer.details:
        shown += f"<dt>{escape(name.capitalize())}</dt>" if name != last else ""
        shown += f"<dd>{_link(text) if name in ('known case', 'docs') else prose(text)}</dd>"
        last = name
    return shown


def _link(text: str) -> str:
    """Return a link, for an address of the web only."""
    return f'<a href="{escape(text)}">{escape(text)}</a>' if text.startswith("https://") else escape(text)


def _frame(frame: CodeFrame) -> str:
    """Lines of code; the one that matters is marked by colour, and by a sign."""
    lines = ""
    for number, text in frame.lines:
        hit = number == frame.line
        shown = escape(f"{'>' if hit else ' '} {number:4} | {text}")
        lines += f"<mark>{shown}</mark>" if hit else f"<span>{shown}</span>"
    caption = f"<code>{escape(frame.place)}</code> in <code>{escape(frame.function)}</code>"
    return f'<figure class="frame"><figcaption>{caption}</figcaption><pre>{lines}</pre></figure>'


def _audit(audit: tuple[Reached, ...]) -> str:
    """What was reached that may differ from run to run, likely mistakes first."""
    if not audit:
        return '<p class="soft">Audit: no source of entropy was reached.</p>'
    rows = "".join(
        f'<tr><th scope="row" class="mono">{escape(one.place)}</th>'
        f"<td>{'<strong>Warning:</strong> ' if one.warning else ''}{prose(one.text)}</td></tr>"
        for one in sorted(audit, key=lambda one: not one.warning)
    )
    return (
        "<h3>Audit: what may differ from run to run, even where it did not</h3>"
        '<table class="facts"><thead><tr><th scope="col">line</th><th scope="col">what it reached</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )
