"""`sac why` and `sac trace`: from a command line to an answer."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import tempfile
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sac.display.terminal import complain, say
from sac.untrusted.file import Unreadable, open_regular
from sac.untrusted.seal import sealed
from sac.why.arguments import split, trace_parser, why_parser
from sac.why.compare import TraceComparison
from sac.why.coverage import note_coverage
from sac.why.family import children_of, files_of
from sac.why.launch import TracePlan, run_all
from sac.why.outcome import EQUAL, ERROR, outcome_of, uncompared_lines
from sac.why.program import SHIMS, CantRun, assigned
from sac.why.proof import Prover
from sac.why.question import Asked, ask, require_trace
from sac.why.search import Search, as_divergence
from sac.why.show import audit_lines, plain, print_lines, verdict_lines
from sac.why.trace import BadTrace, audit, read_audit
from sac.why.trace_pair import Twins
from sac.why.tracer.trace_file import CHILD
from sac.why.variation import described, environments
from sac.why.verdict import WhyVerdict, judge

ANSWER = "answer.json"
MOST_CAUSES = 12
"""Causes that `--fix` proves one after the other."""

MOST_RUNS = 3
"""Runs of a question that doesn't say how many."""

_OWN = re.compile(rf"run\d+\.(out|err|trace(\.lost|{CHILD})?)|deep|proof\d+|{SHIMS}|{re.escape(ANSWER)}")
"""What `--keep` leaves in a folder."""


def why_command(arguments: list[str]) -> int:
    """Run a command several times, or read two traces, and say where they part; returns the exit status."""
    parser = why_parser()
    own, command = split(arguments, parser)
    options = parser.parse_args(own)
    try:
        if options.keep:
            require_own(Path(options.keep))
        if options.runs is not None and options.runs < 2:
            raise CantRun(f"--runs {options.runs}: at least 2 runs can be compared; `sac trace` runs a command once")
        if options.traces:
            if command or len(options.traces) != 2:
                raise CantRun("give two traces, or a command after `--`")
            comparison = Twins(*options.traces).comparison()
            note_coverage(comparison)
            return _answer(options, comparison, command=("sac", "why", *options.traces))
        with tempfile.TemporaryDirectory(prefix="sac-why-") as scratch:
            return _run_and_answer(options, command, Path(options.keep or scratch))
    except (BadTrace, CantRun) as error:
        complain(f"sac why: error: {error}")
        return ERROR
    except Exception:
        # Status 1 would read as "diverged".
        traceback.print_exc()
        complain("sac why: internal error: nothing is proved; please report it with the lines above")
        return ERROR


def trace_command(arguments: list[str]) -> int:
    """Run a command once under the tracer and write its trace; returns the exit status."""
    parser = trace_parser()
    own, command = split(arguments, parser)
    options = parser.parse_args(own)
    output = Path(options.output)
    try:
        with tempfile.TemporaryDirectory(prefix="sac-why-") as scratch:
            plan = TracePlan(command, Path(scratch), options.until, options.minutes * 60)
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
        complain(f"sac trace: error: {error}")
        return ERROR
    say(f"{events} events in {output}")
    print_lines(audit_lines(audit(trace)))
    if trouble:
        complain(f"sac trace: error: the command {trouble}; its trace ends there")
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


def _run_and_answer(options: argparse.Namespace, command: Sequence[str], folder: Path) -> int:
    """Run the command and answer."""
    plan = plan_of(options, command, folder, options.runs or MOST_RUNS)
    asked = ask(plan, options.runs, described(options.same, options.vary, assigned(command)[0]))
    comparison = asked.comparison
    deep: list[str] = []
    if options.deep and comparison.divergence is not None and comparison.proven:
        from sac.why.deep import deepen

        deep = deepen(replace(plan, folder=folder / "deep"), comparison)
    searches = list(prove(options, plan, asked))
    if comparison.unseen and searches and searches[0][1].proof is not None:
        comparison = searches[0][0]
        comparison.notes += comparison.unseen
    return _answer(options, comparison, deep, command, searches)


def plan_of(options: argparse.Namespace, command: Sequence[str], folder: Path, runs: int) -> TracePlan:
    """Return the plan that these options ask for.

    Args:
        options: those of `arguments.add_run_options`.
        command: what to run.
        folder: where traces and outputs go; made if it isn't there.
        runs: how often at most.

    Raises:
        CantRun: the folder can't be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CantRun(f"--keep {folder}: can't be a folder: {error.strerror}") from error
    own = environments(options.same, runs, assigned(command)[0])
    variations = [{**one, **other} for one, other in zip(own, variations_of(options.vary, runs), strict=True)]
    return TracePlan(command, folder, options.until, options.minutes * 60, variations, root=options.root)


def prove(options: argparse.Namespace, plan: TracePlan, asked: Asked) -> Iterator[tuple[TraceComparison, Search]]:
    """Prove the cause of a divergence; with `--fix`, of the next ones too, as long as there are any."""
    comparison = asked.comparison
    if not comparison.proven or comparison.equal or not options.proofs:
        return
    runs = 2 + next(number for number, one in enumerate(asked.comparisons) if one is comparison)
    prover = Prover(plan, runs, asked.seconds)
    if comparison.divergence is None:
        comparison = as_divergence(comparison)
    while comparison.divergence is not None and len(prover.known) < MOST_CAUSES:
        search = prover.search(comparison, options.proofs)
        yield comparison, search
        if not options.fix or search.proof is None:
            return
        prover.known += (search.proof.suspect, *search.proof.others)
        comparison = search.proof.again if search.proof.again.divergence else prover.run([])


def variations_of(vary: Sequence[str], runs: int) -> list[Mapping[str, str]]:
    """Return the environment variables that each run gets."""
    made: list[dict[str, str]] = [{} for _ in range(runs)]
    for entry in vary:
        name, _, values = entry.partition("=")
        if name == "listdir":
            # It differs by itself now; older command lines ask for it.
            continue
        if values:
            choice = values.split(",")
        else:
            raise CantRun(f"--vary {entry}: expected NAME=A,B")
        for number, variables in enumerate(made):
            variables[name] = choice[number % len(choice)]
    return list(made)


def require_own(folder: Path) -> None:
    """Refuse to keep an answer among other files: a run's folder, say, which would be taken for an answer then."""
    try:
        names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
        answered = ANSWER in names and b'"sac_why"' in _beginning(folder / ANSWER)
    except (OSError, Unreadable) as error:
        raise CantRun(f"--keep {folder}: can't be read: {error}") from error
    other = next((name for name in sorted(names) if not _OWN.fullmatch(name)), None)
    if other is None and ANSWER in names and not answered:
        other = ANSWER
    if other is not None and not answered:
        said = f"it holds {other}, and no answer of `sac why`"
        raise CantRun(f"--keep {folder}: {said}; name a folder that is new or empty, or one that was kept before")


def _beginning(file: Path) -> bytes:
    with open_regular(file) as opened:
        return opened.read(200)


def keep_answer(folder: Path, answer: str) -> None:
    """Leave the answer beside the traces, for `sac report`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ANSWER).write_text(answer + "\n", encoding="utf-8")
    except OSError as error:
        raise CantRun(f"--keep {folder}: can't write there: {error.strerror}") from error


def _answer(
    options: argparse.Namespace,
    comparison: TraceComparison,
    deep: Sequence[str] = (),
    command: Sequence[str] = (),
    searches: Sequence[tuple[TraceComparison, Search]] = (),
) -> int:
    """Print the answer and return the exit status."""
    verdict = judge(comparison, searches[0][1] if searches else None)
    later = [(one, judge(one, search)) for one, search in searches[1:]]
    findings = audit(comparison.a)
    whole = answer_json(comparison, verdict, deep, command)
    whole["next"] = [one.to_json() for _, one in later if one is not None]
    answer = json.dumps(sealed(whole))
    if options.keep:
        keep_answer(Path(options.keep), answer)
    if options.json:
        say(answer)
    else:
        print_lines(verdict_lines(comparison, verdict, options.verbose))
        for one, next_verdict in later:
            print_lines(verdict_lines(one, next_verdict, options.verbose))
        print_lines(iter(deep))
        if options.verbose or verdict is None:
            print_lines(audit_lines(findings))
    status, trouble = outcome_of(comparison)
    if trouble:
        complain(f"sac why: error: {trouble}")
    return status


def answer_json(
    comparison: TraceComparison, verdict: WhyVerdict | None, deep: Sequence[str] = (), command: Sequence[str] = ()
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
        "unseen": comparison.unseen,
        "uncompared": uncompared_lines(comparison),
        "varied": comparison.varied,
        "deep": list(deep),
    }


def text_of(comparison: TraceComparison) -> str:
    """Return the answer as plain text."""
    return plain(verdict_lines(comparison, judge(comparison)))
