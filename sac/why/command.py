"""`sac why` and `sac trace`: from a command line to an answer."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from sac.why.compare import Comparison
from sac.why.coverage import note_coverage, note_printed
from sac.why.family import children_of, files_of
from sac.why.launch import CantRun, Plan, Run, run_all
from sac.why.proof import PROOFS, Prover, Search
from sac.why.sharing import REMEDY, note_sharing
from sac.why.show import audit_lines, plain, print_lines, verdict_lines
from sac.why.trace import BadTrace, audit, read_audit
from sac.why.trace_pair import Twins
from sac.why.tracer.recorder import CHILD
from sac.why.tracer.run import STRESS
from sac.why.verdict import Verdict, judge

EQUAL, DIVERGED, ERROR = 0, 1, 2
ANSWER = "answer.json"
MOST_CAUSES = 12
"""Causes that `--fix` proves one after the other."""

ROOM = 4096
"""Bytes: a disk with less is full."""

_OWN = re.compile(rf"run\d+\.(out|err|trace(\.lost|{CHILD})?)|deep|proof\d+|{re.escape(ANSWER)}")
"""What `--keep` leaves in a folder."""


def why_command(arguments: list[str]) -> int:
    """Run a command several times, or read two traces, and say where they part; returns the exit status."""
    own, command = _split(arguments)
    options = _parser().parse_args(own)
    try:
        if options.keep:
            require_own(Path(options.keep))
        if options.runs < 2:
            raise CantRun(f"--runs {options.runs}: at least 2 runs can be compared; `sac trace` runs a command once")
        if options.traces:
            if command or len(options.traces) != 2:
                raise CantRun("give two traces, or a command after `--`")
            return _answer(options, Twins(*options.traces).comparison(), command=("sac", "why", *options.traces))
        with tempfile.TemporaryDirectory(prefix="sac-why-") as scratch:
            return _run_and_answer(options, command, Path(options.keep or scratch))
    except (BadTrace, CantRun) as error:
        print(f"sac why: error: {error}", file=sys.stderr)
        return ERROR


def _parser() -> argparse.ArgumentParser:
    """Return the parser of what stands before `--`."""
    parser = argparse.ArgumentParser(prog="sac why", usage="sac why [options] (-- COMMAND … | A.trace B.trace)")
    parser.add_argument("traces", nargs="*", help="two traces of `sac trace`, in place of a command")
    parser.add_argument("--runs", type=int, default=2, help="how often the command is run (default %(default)s)")
    parser.add_argument(
        "--deep", action="store_true", help="run again, with every torch operation of the parting event"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--verbose", action="store_true", help="print all that the answer rests on, and the audit")
    parser.add_argument(
        "--proofs",
        type=_interventions,
        default=PROOFS,
        metavar="N",
        help="run again at most so many times to prove the cause (default %(default)s; 0: name suspects only)",
    )
    parser.add_argument("--fix", action="store_true", help="go on to the next cause until the runs are equal")
    parser.add_argument("--keep", metavar="FOLDER", help="keep traces, outputs and answer here; `sac report` reads it")
    parser.add_argument(
        "--vary",
        metavar="NAME=A,B",
        action="append",
        default=[],
        help="an environment variable that each run gets another value of; `listdir` reverses directory listings in "
        "every second run, as another file system might",
    )
    _limits(parser)
    return parser


def _limits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--until", type=_events, default=0, metavar="EVENTS", help="cut each run off after so many")
    parser.add_argument("--minutes", type=_minutes, default=0.0, help="cut each run off after so many minutes")


def _interventions(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number of interventions, for example 4")
    return int(text)


def _events(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number of events, for example 2000")
    return int(text)


def _minutes(text: str) -> float:
    if not re.fullmatch(r"\d+(\.\d*)?|\.\d+", text) or float(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number of minutes, for example 0.5")
    return float(text)


def trace_command(arguments: list[str]) -> int:
    """Run a command once under the tracer and write its trace; returns the exit status."""
    own, command = _split(arguments)
    parser = argparse.ArgumentParser(prog="sac trace", usage="sac trace [options] -- COMMAND …")
    parser.add_argument("-o", "--output", default="run.trace", help="trace to write (default %(default)s)")
    _limits(parser)
    options = parser.parse_args(own)
    output = Path(options.output)
    try:
        with tempfile.TemporaryDirectory(prefix="sac-why-") as scratch:
            plan = Plan(command, Path(scratch), options.until, options.minutes * 60)
            (run,), _ = run_all(plan, 1)
            require_trace(run)
            if run.lost:
                raise CantRun(run.lost)
            trouble = run.trouble
            _move_traces(run.trace, output)
        trace, events = read_audit(output)
        for label, file in children_of(output).items():
            trace.children[label], more = read_audit(file, label)
            events += more
    except (BadTrace, CantRun) as error:
        print(f"sac trace: error: {error}", file=sys.stderr)
        return ERROR
    print(f"{events} events in {output}")
    print_lines(audit_lines(audit(trace)))
    if trouble:
        print(f"sac trace: error: the command {trouble}; its trace ends there", file=sys.stderr)
        return ERROR
    return EQUAL


def _move_traces(made: Path, output: Path) -> None:
    """Put the traces of a run and of the processes that it started where they were asked for; older ones go."""
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        for file in files_of(output):
            file.unlink()
        for file in (made, *files_of(made)):
            shutil.move(file, f"{output}{file.name[len(made.name) :]}")
    except OSError as error:
        raise CantRun(f"-o {output}: can't write there: {error.strerror}") from error


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Cut the arguments at `--`."""
    if "--" not in arguments:
        return list(arguments), []
    place = list(arguments).index("--")
    return list(arguments[:place]), list(arguments[place + 1 :])


def _run_and_answer(options: argparse.Namespace, command: Sequence[str], folder: Path) -> int:
    """Run the command and answer."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CantRun(f"--keep {folder}: can't be a folder: {error.strerror}") from error
    variations = variations_of(options.vary, options.runs)
    plan = Plan(command, folder, options.until, options.minutes * 60, variations)
    started = time.monotonic()
    runs, twins = run_all(plan, options.runs)
    seconds = time.monotonic() - started
    for run in runs:
        require_trace(run)
    comparisons = [one.comparison() for one in twins]
    for one, other in zip(comparisons, runs[1:], strict=True):
        note_sharing(one, (runs[0].trouble, other.trouble))
    comparison = next((one for one in comparisons if not one.equal), comparisons[0])
    _note_failures(comparison, runs)
    if comparison.equal and not comparison.failed:
        comparison.notes += [note for other in runs[1:] for note in _unlike_words(runs[0], other)][:1]
    deep: list[str] = []
    if options.deep and comparison.parting is not None and comparison.proven:
        from sac.why.deep import deepen

        deep = deepen(replace(plan, folder=folder / "deep"), comparison)
    searches = list(_prove(options, plan, comparison, comparisons, seconds))
    return _answer(options, comparison, deep, command, searches)


def _prove(
    options: argparse.Namespace,
    plan: Plan,
    comparison: Comparison,
    comparisons: Sequence[Comparison],
    seconds: float,
) -> Iterator[tuple[Comparison, Search]]:
    """Prove the cause of a parting; with `--fix`, of the next ones too, as long as there are any."""
    if comparison.parting is None or not comparison.proven:
        return
    runs = 2 + next(number for number, one in enumerate(comparisons) if one is comparison)
    prover = Prover(plan, runs, seconds)
    while comparison.parting is not None and len(prover.known) < MOST_CAUSES:
        search = prover.search(comparison, options.proofs)
        yield comparison, search
        if not options.fix or search.proof is None:
            return
        prover.known += (search.proof.suspect, *search.proof.others)
        comparison = search.proof.again if search.proof.again.parting else prover.run([])


def variations_of(vary: Sequence[str], runs: int) -> list[Mapping[str, str]]:
    """Return the environment variables that each run gets."""
    made: list[dict[str, str]] = [{} for _ in range(runs)]
    for entry in vary:
        name, _, values = entry.partition("=")
        if name == "listdir":
            name, choice = STRESS, ["", "listdir"]
        elif values:
            choice = values.split(",")
        else:
            raise CantRun(f"--vary {entry}: expected NAME=A,B, or listdir")
        for number, variables in enumerate(made):
            variables[name] = choice[number % len(choice)]
    return list(made)


def require_trace(run: Run) -> None:
    """Refuse a run that left no trace at all, with its last words."""
    if run.lost and not (run.trace.exists() and run.trace.stat().st_size):
        raise CantRun(run.lost)
    if not run.trace.exists():
        said = run.trouble or "ended without a word"
        raise CantRun(f"the tracer never started: the command {said}; it must start a Python that is not isolated (-I)")


def _note_failures(comparison: Comparison, runs: Sequence[Run]) -> None:
    """Note that a trace was lost, or the script itself failed: then equality says only that both came as far."""
    for number, run in enumerate(runs, start=1):
        if run.lost:
            said = f"run {number}: {run.lost}"
            comparison.failed = True
            comparison.lost = comparison.lost or said
            comparison.notes.append(said)
        elif run.trouble:
            comparison.failed = True
            comparison.notes.append(f"run {number} {run.trouble}")
            if shutil.disk_usage(run.output.parent).free < ROOM:
                comparison.notes.append(f"the disk is full, and what run {number} prints goes there: {run.output}")


def _unlike_words(first: Run, other: Run) -> Iterator[str]:
    """Say where two runs that are equal printed something else: a speed or a time, or what no event shows."""
    with first.output.open("rb") as a, other.output.open("rb") as b:
        for number, pair in enumerate(zip_longest(a, b, fillvalue=b""), start=1):
            if pair[0] != pair[1]:
                shown = " and ".join(short(line.decode(errors="replace").rstrip()) for line in pair)
                yield f"all events are equal, yet the runs printed other words in line {number}: {shown}"
                return


def require_own(folder: Path) -> None:
    """Refuse to keep an answer among other files: a run's folder, say, which would be taken for an answer then."""
    try:
        names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
        answered = ANSWER in names and b'"sac_why"' in (folder / ANSWER).read_bytes()[:200]
    except OSError as error:
        raise CantRun(f"--keep {folder}: can't be read: {error.strerror}") from error
    other = next((name for name in sorted(names) if not _OWN.fullmatch(name)), None)
    if other is None and ANSWER in names and not answered:
        other = ANSWER
    if other is not None and not answered:
        said = f"it holds {other}, and no answer of `sac why`"
        raise CantRun(f"--keep {folder}: {said}; name a folder that is new or empty, or one that was kept before")


def _keep(folder: Path, answer: str) -> None:
    """Leave the answer beside the traces, for `sac report`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ANSWER).write_text(answer + "\n", encoding="utf-8")
    except OSError as error:
        raise CantRun(f"--keep {folder}: can't write there: {error.strerror}") from error


def _answer(
    options: argparse.Namespace,
    comparison: Comparison,
    deep: Sequence[str] = (),
    command: Sequence[str] = (),
    searches: Sequence[tuple[Comparison, Search]] = (),
) -> int:
    """Print the answer and return the exit status."""
    verdict = judge(comparison, searches[0][1] if searches else None)
    later = [(one, judge(one, search)) for one, search in searches[1:]]
    findings = audit(comparison.a)
    whole = answer_json(comparison, verdict, deep, command)
    whole["next"] = [one.to_json() for _, one in later if one is not None]
    answer = json.dumps(whole)
    if options.keep:
        _keep(Path(options.keep), answer)
    if options.json:
        print(answer)
    else:
        print_lines(verdict_lines(comparison, verdict, options.verbose))
        for one, next_verdict in later:
            print_lines(verdict_lines(one, next_verdict, options.verbose))
        print_lines(iter(deep))
        if options.verbose or verdict is None:
            print_lines(audit_lines(findings))
    if comparison.equal and comparison.lost:
        print(f"sac why: error: {comparison.lost}", file=sys.stderr)
        return ERROR
    if comparison.equal and not comparison.compared:
        print("sac why: error: no event was seen in both runs: equality would say nothing", file=sys.stderr)
        return ERROR
    if comparison.equal and comparison.failed:
        print("sac why: error: equal as far as they came, but the command failed (see the notes)", file=sys.stderr)
        return ERROR
    if comparison.disturbed is not None:
        print(f"sac why: error: the two runs share {comparison.disturbed.name}: {REMEDY}", file=sys.stderr)
        return ERROR
    return EQUAL if comparison.equal else DIVERGED


def answer_json(
    comparison: Comparison, verdict: Verdict | None, deep: Sequence[str] = (), command: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the answer as one object; `sac report` reads it too, and knows it by its first key."""
    return {
        "sac_why": 1,
        "command": list(command),
        "equal": comparison.equal if comparison.proven else None,
        "failed": comparison.failed,
        "compared_events": comparison.compared,
        "compared_kinds": dict(comparison.kinds),
        "first": None if verdict is None else verdict.to_json(),
        "audit": [one.to_json() for one in audit(comparison.a)],
        "notes": comparison.notes,
        "deep": list(deep),
    }


def text_of(comparison: Comparison) -> str:
    """Return the answer as plain text."""
    return plain(verdict_lines(comparison, judge(comparison)))
