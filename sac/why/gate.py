"""`sac gate`: a command must do the same in every run, whatever of that which must not matter is made to differ.

`sac why` is for a person who asks where two runs part. The gate is for a pull request: it also compares what the runs
saved, and it calls no command deterministic in which nothing was compared that could have differed.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sac.display.markdown import block
from sac.display.terminal import complain, refuse, say
from sac.display.visible import one_line
from sac.untrusted.seal import sealed
from sac.why.arguments import add_run_options, split
from sac.why.command import answer_json, keep_answer, plan_of, prove, require_own
from sac.why.compare import TraceComparison
from sac.why.outcome import DIVERGED, EQUAL, ERROR, outcome_of, uncompared_lines
from sac.why.program import CantRun, assigned
from sac.why.question import ask
from sac.why.saved import NothingSaved, UnlikeFile, free_prefix, unlike_files
from sac.why.show import plain, print_lines, verdict_lines
from sac.why.trace import BadTrace
from sac.why.variation import described
from sac.why.verdict import WhyVerdict, judge

REQUIRED = {
    "draw": ("a random number", ("draw", "space.sample")),
    "update": ("an optimizer's step", ("optimizer.step",)),
}
"""What `--require` takes: words for it, and the kinds of events that are it."""


@dataclass
class Found:
    """What the gate found.

    Attributes:
        comparison: of the events of two runs.
        verdict: on them; None where they are equal.
        files: how many saved files were compared; None where the runs were stopped before they had saved them.
        unlike: those that differ.
        trouble: why nothing is proved; empty where something is.
    """

    comparison: TraceComparison
    verdict: WhyVerdict | None = None
    files: int | None = None
    unlike: list[UnlikeFile] = field(default_factory=list)
    trouble: str = ""

    @property
    def status(self) -> int:
        """The exit status: 0 the runs are equal, 1 they differ, 2 nothing is proved."""
        status, _ = outcome_of(self.comparison)
        if self.unlike and status != ERROR:
            return DIVERGED
        return ERROR if self.trouble and status == EQUAL else status


def gate_parser() -> argparse.ArgumentParser:
    """Return the parser of what stands before the command of `sac gate`."""
    parser = argparse.ArgumentParser(
        prog="sac gate",
        usage="sac gate [options] -- COMMAND …",
        description="Run a command several times, unchanged, in fresh processes that differ in what must not matter. "
        "Fail if the runs differ: in random numbers, environments, networks, optimizers, or what they print or save.",
        epilog="Exit status: 0 the runs are equal, 1 they differ, 2 nothing is proved.",
    )
    add = parser.add_argument
    add("--trials", type=_trials, default=2, metavar="N", help="how often the command is run (default %(default)s)")
    files = "files that every run saves and that must be equal too; {run} stands for the run's name, in COMMAND too"
    add("--compare", metavar="PATTERN", action="append", default=[], help=files)
    require = f"what must have been compared, or nothing is proved: {', '.join(REQUIRED)} (default: one of them)"
    add("--require", choices=[*REQUIRED], action="append", default=[], help=require)
    markdown = "append a summary to this file (default: the job's summary, where GitHub runs this)"
    add("--markdown", metavar="FILE", default=os.environ.get("GITHUB_STEP_SUMMARY", ""), help=markdown)
    add_run_options(parser)
    return parser


def gate_command(arguments: list[str]) -> int:
    """Run a command several times and fail where the runs differ; returns the exit status."""
    parser = gate_parser()
    own, command = split(arguments, parser)
    options = parser.parse_args(own)
    try:
        if options.keep:
            require_own(Path(options.keep))
        prefix, left = free_prefix(options.compare, options.trials, command)
        with tempfile.TemporaryDirectory(prefix="sac-gate-") as scratch:
            found = _run(options, command, Path(options.keep or scratch), prefix)
        if left is not None:
            other = f"{{run}} stood for {prefix}1 and so on; remove what earlier gates have left as you like"
            found.comparison.notes.append(f"{left} is there from an earlier gate: {other}")
    except (BadTrace, CantRun, NothingSaved) as error:
        _append(options.markdown, f"## Nothing is proved\n\n{block(str(error))}")
        complain(f"sac gate: error: {error}")
        return ERROR
    _tell(found)
    _append(options.markdown, summary(found, command))
    return found.status


def _run(options: argparse.Namespace, command: Sequence[str], folder: Path, prefix: str) -> Found:
    """Run the command and hold the runs against each other."""
    names = [f"{prefix}{number}" for number in range(1, options.trials + 1)]
    plan = replace(plan_of(options, command, folder, options.trials), prefix=prefix)
    asked = ask(plan, options.trials, described(options.same, options.vary, assigned(command)[0]))
    comparison = asked.comparison
    searches = list(prove(options, plan, asked))
    if comparison.unseen and searches and searches[0][1].proof is not None:
        # What only the printed words show has a place where it comes from.
        comparison = searches[0][0]
    found = Found(comparison, judge(comparison, searches[0][1] if searches else None))
    if comparison.divergence is None and not comparison.failed:
        found.files = 0
        for other in names[1:]:
            count, unlike = unlike_files(options.compare, names[0], other)
            found.files, found.unlike = found.files + count, [*found.unlike, *unlike]
    found.trouble = outcome_of(comparison)[1] or _lacks(comparison, options.require)
    if options.keep:
        keep_answer(folder, json.dumps(sealed(answer_json(comparison, found.verdict, command=command))))
    return found


def _lacks(comparison: TraceComparison, required: Sequence[str]) -> str:
    """Say what had to be compared and was not; empty where nothing lacks."""
    counted = {name: sum(comparison.kinds[kind] for kind in kinds) for name, (_, kinds) in REQUIRED.items()}
    if comparison.divergence is not None:
        return ""
    lacking = [name for name in required if not counted[name]]
    if lacking:
        return f"--require {lacking[0]}: {REQUIRED[lacking[0]][0]} was never compared; let the command train longer"
    if not any(counted.values()):
        either = " or ".join(words for words, _ in REQUIRED.values())
        return f"nothing was compared that could have differed: {either} was not seen; let the command train longer"
    return ""


def _tell(found: Found) -> None:
    """Print the answer."""
    if found.verdict is not None:
        print_lines(verdict_lines(found.comparison, found.verdict, verbose=False))
    else:
        for line in _lines(found):
            say(one_line(line))
    if found.trouble and found.status == ERROR:
        complain(f"sac gate: error: {found.trouble}")


def _lines(found: Found) -> list[str]:
    """Return what was compared, and what of it differs, for runs whose events are equal."""
    comparison = found.comparison
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in comparison.kinds.most_common())
    lines = [f"{_HEADS[found.status]}: {comparison.compared:,} events compared ({kinds})"]
    lines += [f"differs: {one}" for one in comparison.unseen]
    lines += [f"differs: {one.text}" for one in found.unlike]
    if found.files:
        lines.append(f"saved files compared: {found.files}")
    lines += [f"not compared: {line}" for line in uncompared_lines(comparison)]
    lines += [f"note: {note}" for note in comparison.notes]
    return [*lines, f"made to differ between the runs: {', '.join(comparison.varied)}"]


_HEADS = {EQUAL: "equal", DIVERGED: "DIFFERENT", ERROR: "nothing is proved"}


def summary(found: Found, command: Sequence[str]) -> str:
    """Return the answer as Markdown, for the summary of a job or a comment."""
    heads = {
        EQUAL: "Deterministic: every run did the same",
        DIVERGED: "Not deterministic: the runs differ",
        ERROR: "Nothing is proved",
    }
    verdict = plain(verdict_lines(found.comparison, found.verdict, verbose=False)) if found.verdict else ""
    text = "\n".join(filter(None, [verdict, *([] if found.verdict else _lines(found))]))
    trouble = f"\n\n{block(found.trouble)}" if found.trouble and found.status == ERROR else ""
    return f"## {heads[found.status]}\n\n{block(' '.join(command))}\n\n{block(text)}{trouble}\n"


def _append(path: str, text: str) -> None:
    """Append to a file; where it can't be written, say so: the verdict is what counts."""
    if not path:
        return
    try:
        with open(path, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError as error:
        refuse("sac gate", f"--markdown {path}: can't be written: {error.strerror}")


def _trials(text: str) -> int:
    if not text.isdecimal() or int(text) < 2:
        raise argparse.ArgumentTypeError(f"{text!r}: expected 2 or more; a single run proves nothing")
    return int(text)
