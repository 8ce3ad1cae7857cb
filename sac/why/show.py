"""Verdicts and audits for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.markup import escape

from sac.display.visible import one_line
from sac.why.audit import AuditFinding
from sac.why.compare import Pair, TraceComparison
from sac.why.event import Event
from sac.why.frame import Frame
from sac.why.outcome import uncompared_lines
from sac.why.verdict import WhyVerdict


def verdict_lines(comparison: TraceComparison, verdict: WhyVerdict | None, verbose: bool = True) -> Iterator[str]:
    """Return the outcome of a comparison, line by line, with markup of rich's.

    Args:
        comparison: of two runs.
        verdict: on them; None if they are equal.
        verbose: with all that the verdict rests on, not only what a reader in a hurry needs.
    """
    if verdict is not None:
        yield from _short_lines(verdict)
        if verbose:
            yield from _divergence_lines(verdict)
    elif comparison.unseen:
        yield "[bold red]differs, unseen[/]: no event differs, but what the runs printed does"
        yield from (escape(one) for one in comparison.unseen)
    elif comparison.proven:
        yield f"[bold green]equal[/]: {comparison.compared} events compared"
    else:
        yield f"[bold yellow]nothing proved[/]: {comparison.compared} events compared"
    if verdict is None:
        yield from (f"[bold yellow]not compared[/]: {escape(one)}" for one in uncompared_lines(comparison))
        if comparison.varied:
            yield f"[dim]made to differ: {escape('; '.join(comparison.varied))}[/]"
    for note in comparison.notes:
        yield f"[dim]note: {escape(note)}[/]"


def _short_lines(verdict: WhyVerdict) -> Iterator[str]:
    """Return what happened, where, the proof, and the fix."""
    cause, place = verdict.cause, verdict.place
    head = "[bold red]diverged[/]" if verdict.evidence.shared is None else "[bold yellow]nothing proved[/]"
    yield f"{head}: {escape(cause.title)} [dim]({cause.name})[/]"
    code = next((line for frame in verdict.frames if frame.place == place for line in _own_line(frame)), "")
    yield f"[bold]{escape(place.file)}:{place.line}[/] in {escape(place.function)}: [bold yellow]{escape(code)}[/]"
    if verdict.evidence.shared is not None:
        yield escape(verdict.evidence.shared.text)
    if verdict.proof is not None:
        yield f"[bold]proof[/] {escape(verdict.proof.text)}"
    elif not verdict.evidence.shared:
        yield from _unproved(verdict)
    if verdict.suggestion:
        yield f"[bold]fix[/]   {escape(verdict.suggestion[0])}"
        yield from (f"      {escape(line)}" for line in verdict.suggestion[1:])
    else:
        yield f"[bold]fix[/]   {escape(cause.fix)}"


def _own_line(frame: Frame) -> Iterator[str]:
    return (text.strip() for number, text in frame.lines if number == frame.place.line)


def _unproved(verdict: WhyVerdict) -> Iterator[str]:
    """Return who is suspected, and what would tell more."""
    innocent = verdict.search.innocent
    left = [one for one in verdict.search.suspects if one not in innocent]
    if innocent:
        yield f"[bold]tried[/] {len(innocent)} suspects: forcing them moved nothing"
    for one in left[:2]:
        yield f"[bold]maybe[/] {one.cause} at {escape(one.place.file)}:{one.place.line}: {escape(one.speaks)}"


def _divergence_lines(verdict: WhyVerdict) -> Iterator[str]:
    """Return what a verdict rests on."""
    cause, event, divergence = verdict.cause, verdict.event, verdict.evidence.divergence
    # The first one is of the line above, if its code can be read.
    own = [frame for frame in verdict.frames if frame.place == verdict.place]
    yield from _frames(own)
    yield ""
    yield escape(verdict.what)
    for one in verdict.differences:
        yield f"  {escape(one.path)}: {escape(one.text)}"
    yield from _frames([frame for frame in verdict.frames if frame not in own])
    if divergence.outer.a is not event:
        yield f"  inside of {escape(divergence.outer.a.described)}"
    source = verdict.source
    if source is not None:
        yield f"  it comes from {escape(source.a.described)}: {escape(source.a.shown)} and {escape(source.b.shown)}"
    yield from _alone(divergence.alone)
    yield from _before(divergence.before)
    yield ""
    yield f"[bold]why[/]   {escape(cause.why)}"
    yield f"[bold]fix[/]   {escape(cause.fix)}"
    if cause.link:
        yield f"[bold]{cause.link_label:5}[/] {cause.link}"
    yield from _possible(verdict.possible)


def _alone(alone: Sequence[Event]) -> Iterator[str]:
    if alone:
        yield f"  only one run has {len(alone)} events before that, the first: {escape(alone[0].described)}"


def _before(before: Sequence[Event]) -> Iterator[str]:
    if before:
        yield "what ran just before, and was equal:"
        for event in before[-3:]:
            yield f"  [dim]{escape(event.described)}[/]"


def _possible(possible: Sequence[Pair]) -> Iterator[str]:
    """Return the sources that differ too."""
    if possible:
        yield "[dim]reached before, and different in the two runs, but not proved to reach this event:[/]"
        for pair in possible:
            yield f"  [dim]{escape(pair.a.described)}[/]"


def _frames(frames: Sequence[Frame]) -> Iterator[str]:
    """Return lines of code, the one that matters marked."""
    for frame in frames:
        for number, line in frame.lines:
            text = escape(line)
            here = number == frame.place.line
            yield f"[bold yellow]> {number:4} | {text}[/]" if here else f"  {number:4} | [dim]{text}[/]"


def audit_lines(findings: Sequence[AuditFinding]) -> Iterator[str]:
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
        console.print(one_line(line))


def plain(lines: Iterator[str]) -> str:
    """Return lines without markup."""
    console = Console(highlight=False, soft_wrap=True, no_color=True, width=200, force_terminal=False)
    with console.capture() as capture:
        for line in lines:
            console.print(one_line(line))
    return capture.get()
