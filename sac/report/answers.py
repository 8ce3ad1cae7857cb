"""What a report reads of `sac why`: the answer that `--json` prints and `--keep` leaves as answer.json."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sac.config import BadConfig
from sac.display import shell
from sac.report.runs import runs_in
from sac.untrusted.file import Unreadable, open_regular
from sac.untrusted.json_text import read_object
from sac.untrusted.seal import require_sealed

FILE = "answer.json"
MARK = "sac_why"
"""First key of every answer; its value is the version of what follows."""

WARNINGS = ("unseeded", "shared-seed")
Outcome = Literal["diverged", "equal", "nothing proved"]
UNSEEN = "no event differs, but what the runs printed does"


@dataclass(frozen=True)
class CodeFrame:
    """Lines of the user's own code, with the one that matters."""

    place: str
    function: str
    line: int
    lines: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Reached:
    """One line of the audit."""

    place: str
    text: str
    warning: bool


@dataclass(frozen=True)
class Answer:
    """One answer, in the words of the report.

    Attributes:
        label: the command that was run, or the file's name where it isn't known.
        outcome: equal only where something was compared and the command did not fail.
        headline: the verdict in one sentence, with the line.
        details: further lines as (name, text), most important first.
        frames: code around the lines that the verdict speaks of.
        audit: every source of entropy that was reached, and likely mistakes.
    """

    label: str
    outcome: Outcome
    headline: str
    details: tuple[tuple[str, str], ...]
    frames: tuple[CodeFrame, ...] = ()
    audit: tuple[Reached, ...] = ()


def split_paths(paths: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Tell the answers of `sac why` from what else is to be reported: (files of answers, other paths)."""
    answers: list[Path] = []
    others: list[str] = []
    for given in paths:
        path = Path(given)
        if path.is_dir():
            found = [path / FILE] if (path / FILE).is_file() else sorted(path.glob(f"*/{FILE}"))
        else:
            found = [path] if path.is_file() and _is_answer(path) else []
        answers += found
        # A folder may hold runs beside an answer.
        if not found or (path.is_dir() and runs_in(path)):
            others.append(given)
    return answers, others


def _is_answer(path: Path) -> bool:
    """Whether a file claims to be an answer: by its name, or by its first key."""
    try:
        with open_regular(path) as file:
            return path.name == FILE or f'"{MARK}"'.encode() in file.read(200)
    except Unreadable:
        # Whoever reads it as something else says what is wrong with it.
        return False


def read_answer(path: Path) -> Answer:
    """Read one answer.

    Raises:
        BadConfig: the file isn't one.
    """
    try:
        found = read_object(path)
    except Unreadable as error:
        reason = error.reason
        raise BadConfig(
            f"{path}: can't be read as an answer of `sac why` ({reason}); write it again: {_HOW}"
        ) from error
    version = found.get(MARK)
    if version != 1 or type(version) is not int:
        shown = "no" if version is None else f"{version!r} as"
        raise BadConfig(f'{path}: {shown} "{MARK}", expected 1: this is no answer of this `sac why`; write it: {_HOW}')
    try:
        answer = _answer(found, path)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise BadConfig(
            f"{path}: this answer of `sac why` lacks something ({error!r}); write it again: {_HOW}"
        ) from error
    require_sealed(found, path)
    return answer


_HOW = "`sac why --keep FOLDER -- …`, then `sac report FOLDER`"


def _answer(found: Mapping[str, Any], path: Path) -> Answer:
    label = shell.join(found["command"]) or path.name
    notes = tuple(("note", str(note)) for note in found["notes"])
    audit = tuple(_reached(one) for one in found["audit"])
    first = found["first"]
    if first is not None:
        outcome: Outcome = "nothing proved" if found["equal"] is None else "diverged"
        place = f"{first['file']}:{first['line']}"
        details = (*_details(first), *(("deep", str(line)) for line in found["deep"]), *notes)
        frames = tuple(_frame(one) for one in first["frames"])
        return Answer(label, outcome, f"{place}: {first['title']}", details, frames, audit)
    compared = f"{int(found['compared_events']):,} events compared"
    # Answers of before lack the two.
    unseen = tuple(("printed", str(one)) for one in found.get("unseen", ()))
    if unseen:
        return Answer(label, "diverged", f"the output: {UNSEEN}", (*unseen, *notes), (), audit)
    open_ones = tuple(("not compared", str(one)) for one in found.get("uncompared", ()))
    if open_ones and not found["failed"]:
        words = f"Equal in all that could be compared, but not all could be: {compared}"
        return Answer(label, "nothing proved", words, (*open_ones, *notes), (), audit)
    if found["failed"] or not found["compared_events"]:
        why = "but the command failed" if found["failed"] else "so equality says nothing"
        return Answer(label, "nothing proved", f"Equal as far as they came, {why}: {compared}", notes, (), audit)
    return Answer(label, "equal", f"Equal: {compared}", notes, (), audit)


def _details(first: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Return what is to be said of two runs that part, most important first."""
    yield "why", str(first["why"])
    yield "fix", str(first["fix"])
    if first.get("suggestion"):
        yield "change", " ".join(str(line).strip() for line in first["suggestion"])
    if first.get("proof") is not None:
        yield "proof", str(first["proof"]["text"])
    else:
        yield from (("suspected", _suspected(one)) for one in first.get("suspects", ())[:3])
    yield "where", str(first["what"])
    for values in first["figures"]:
        yield "how much", str(values)
    if first.get("shared") is not None:
        yield "shared", f"{first['shared']['path']}: {_touches(first['shared']['touches'])}"
    if first["source"] is not None:
        source = first["source"]
        yield "it can come from", f"{source['text']}: {source['a']} and {source['b']}"
    yield from (("only in one run", str(one["text"])) for one in first["only_in_one_run"][:1])
    yield from (("just before, equal", str(one["text"])) for one in first["before"][-3:])
    if first["link"] is not None:
        # Answers of before had no label.
        yield {"docs": "docs"}.get(first.get("link_label", ""), "known case"), str(first["link"])
    # They differ too; whoever mends the first line looks at these next.
    yield from (("differs too", str(one["text"])) for one in first["possible_sources"])


def _suspected(one: Mapping[str, Any]) -> str:
    """Return a suspect that no intervention has proved to be the cause."""
    return f"{one['cause']} at {one['file']}:{one['line']}: {one['speaks']}"


def _touches(touches: Sequence[Mapping[str, Any]]) -> str:
    """Say at which line each run touched a file."""
    shown = enumerate(touches, start=1)
    return ", ".join(f"run {run} ({one['how']}) at {one['file']}:{one['line']}" for run, one in shown)


def _frame(one: Mapping[str, Any]) -> CodeFrame:
    lines = tuple((int(number), str(text)) for number, text in one["lines"])
    return CodeFrame(f"{one['file']}:{one['line']}", str(one["function"]), int(one["line"]), lines)


def _reached(one: Mapping[str, Any]) -> Reached:
    times = f", {one['count']} times" if one["count"] > 1 else ""
    text = f"{one['name']} {one['text']}{times}"
    return Reached(f"{one['file']}:{one['line']}", text, one["kind"] in WARNINGS)
