"""Verdicts and audits for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from sac.why.compare import Comparison, Pair
from sac.why.place import Place
from sac.why.trace import Event
from sac.why.verdict import Finding, Verdict

_CONTEXT = 2


def verdict_lines(comparison: Comparison, verdict: Verdict | None) -> Iterator[str]:
    """Return the outcome of a comparison, line by line, with markup of rich's."""
    if verdict is None:
        yield f"[bold green]equal[/]: {comparison.compared} events compared"
    else:
        yield from _parting_lines(comparison, verdict)
    for note in comparison.notes:
        yield f"[dim]note: {escape(note)}[/]"


def _parting_lines(comparison: Comparison, verdict: Verdict) -> Iterator[str]:
    """Return what is to be said of two runs that part."""
    cause, event, parting = verdict.cause, verdict.event, verdict.evidence.parting
    root = Path(str(comparison.a.header.get("root", ".")))
    yield f"[bold red]diverged[/]: {escape(cause.title)} [dim]({cause.name})[/]"
    yield f"[bold]{escape(verdict.place.file)}:{verdict.place.line}[/] in {escape(verdict.place.function)}"
    yield from _frame(root, verdict.place)
    yield ""
    yield from _what(verdict)
    for one in verdict.figures:
        yield f"  {escape(one.path)}: {escape(one.text)}"
    if event.place != verdict.place:
        yield from _frame(root, event.place)
    if parting.outer.a is not event:
        yield f"  inside of {escape(_describe(parting.outer.a))}"
    source = verdict.evidence.source
    if source is not None:
        yield f"  it can come from {escape(_describe(source.a))}: {escape(source.a.shown)} and {escape(source.b.shown)}"
    yield from _alone(parting.alone)
    yield from _before(parting.before)
    yield ""
    yield f"[bold]why[/]   {escape(cause.why)}"
    yield f"[bold]fix[/]   {escape(cause.fix)}"
    yield f"[bold]known[/] {cause.link}"
    yield from _possible(verdict.possible)


def _what(verdict: Verdict) -> Iterator[str]:
    """Return in which event the runs part, and whether its inputs were equal."""
    parting = verdict.evidence.parting
    event = escape(_describe(verdict.event))
    if parting.control:
        yield f"first event that only one run has: {event}"
    elif parting.inputs_equal:
        yield f"first event with equal inputs and other outputs: {event}"
    else:
        unlike = ", ".join(parting.event.inputs)
        yield f"first event that differs: {event}; its inputs differ already ({escape(unlike)}), no earlier event does"


def _describe(event: Event) -> str:
    place = event.place
    process = f" in child process {event.process}" if event.process else ""
    return f"{event.kind} ({event.title}) at {place.file}:{place.line}{process}"


def _alone(alone: Sequence[Event]) -> Iterator[str]:
    if alone:
        yield f"  only one run has {len(alone)} events before that, the first: {escape(_describe(alone[0]))}"


def _before(before: Sequence[Event]) -> Iterator[str]:
    if before:
        yield "what ran just before, and was equal:"
        for event in before[-3:]:
            yield f"  [dim]{escape(_describe(event))}[/]"


def _possible(possible: Sequence[Pair]) -> Iterator[str]:
    """Return the sources that differ too."""
    if possible:
        yield "[dim]reached before, and different in the two runs, but not known to reach this event:[/]"
        for pair in possible:
            yield f"  [dim]{escape(_describe(pair.a))}[/]"


def _frame(root: Path, place: Place) -> Iterator[str]:
    """Return the lines of code around a place."""
    try:
        lines = (root / place.file).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for number in range(max(1, place.line - _CONTEXT), min(len(lines), place.line + _CONTEXT) + 1):
        text = escape(lines[number - 1])
        here = number == place.line
        yield f"[bold yellow]> {number:4} | {text}[/]" if here else f"  {number:4} | [dim]{text}[/]"


def audit_lines(findings: Sequence[Finding]) -> Iterator[str]:
    """Return the audit of one run."""
    if not findings:
        yield "audit: no source of entropy was reached"
        return
    yield "audit: what this script reached that may differ from run to run, even where it didn't:"
    for one in findings:
        style = "yellow" if one.kind in ("unseeded", "shared-seed") else "dim"
        times = f", {one.count} times" if one.count > 1 else ""
        yield f"  [{style}]{escape(f'{one.place.file}:{one.place.line} {one.name} {one.text}{times}')}[/]"


def print_lines(lines: Iterator[str]) -> None:
    """Print lines with markup; colours only on a terminal."""
    console = Console(highlight=False, soft_wrap=True)
    for line in lines:
        console.print(line)


def plain(lines: Iterator[str]) -> str:
    """Return lines without markup."""
    console = Console(highlight=False, soft_wrap=True, no_color=True, width=200, force_terminal=False)
    with console.capture() as capture:
        for line in lines:
            console.print(line)
    return capture.get()
