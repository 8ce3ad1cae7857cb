"""The gate's own test: how often it sees slowdowns that were planted, and how often it cries without one.

A fault is code appended to a copy of the head's `sac/learner/factory.py`, so the whole way is tested: trees, processes,
clock, verdict. The work is real (no sleeping), and sized by a first comparison.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sac.bench import trees
from sac.bench.compare import Wanted, check, compare, result_of
from sac.bench.errors import BenchError
from sac.bench.judge import BenchVerdict, risen
from sac.bench.rounds import Setup
from sac.bench.trees import Tree
from sac.display.terminal import complain, say

_PLANTED = """

_learner_without_fault = make_learner


def make_learner(config, spec, device):
    self = _learner_without_fault(config, spec, device)
    update = self.update

    @torch.no_grad()
    def update_with_fault(batch, noise):
        for _ in range({units}):
            {work}
        return update(batch, noise)

    self.update = update_with_fault
    return self
"""


@dataclass(frozen=True)
class Fault:
    """Useless work in front of an update.

    Attributes:
        work: one unit of it, a line of Python before the learner's `update`; `self` is the learner.
        first_units: how many to begin sizing with.
    """

    work: str
    first_units: int


FAULTS: dict[str, Fault] = {
    "critic pass": Fault("self.critics.forward(batch.observation_action[:32])", 16),
    "item": Fault("batch.reward.sum().item()", 600),
    "copy of the batch": Fault("batch.observation_action.clone(), batch.next_observation.clone()", 150),
}
"""Name -> planted slowdown."""
NOTHING = "nothing (A against A)"
SURE = 0.20
"""Planted slowdowns of this size must be seen."""


@dataclass
class Trials:
    """Comparisons of one kind.

    Attributes:
        fault: what was planted.
        size: slowdown aimed at.
        units: amount of work that gave it.
        verdicts: by the clock alone, one a comparison.
        counted: whether the counters saw it, one a comparison.
        ratios: measured, one a comparison.
        seconds: that each took.
        load: load average of the machine at the end of each.
    """

    fault: str
    size: float
    units: int = 0
    verdicts: list[BenchVerdict] = field(default_factory=list)
    counted: list[bool] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    load: list[float] = field(default_factory=list)


def calibrate_command(options: argparse.Namespace) -> int:
    """Run all kinds of comparison and print the table; return 0 if the gate is right often enough, else 1.

    Raises:
        BenchError: a flag is bad or a revision can't be measured.
    """
    wanted = Wanted((options.benchmark,), options.threshold, options.pairs, counters=False)
    check(wanted)
    sizes, faults = _sizes(options.sizes), _faults(options.faults)
    if options.repeats < 1:
        raise BenchError(f"--repeats {options.repeats}: must be at least 1")
    setup = Setup(options.numerics, options.threads)
    trials: list[Trials] = []
    with trees.tree_of(trees.find_repository(Path.cwd()), "--head", trees.WORKTREE) as tree:
        kinds = [Trials(NOTHING, 0.0), *(Trials(name, size) for name in faults for size in sizes)]
        for kind in kinds:
            _size(kind, kinds, tree, wanted, setup)
        # All kinds in each repeat, so that a change of the machine's load meets all of them.
        for number in range(options.repeats):
            for kind in kinds:
                _try(kind, tree, wanted, setup)
                complain(f"repeat {number + 1}: {kind.fault} {kind.size:.0%}: {kind.verdicts[-1].value}")
            if options.json is not None:
                options.json.write_text(json.dumps([_plain(kind) for kind in kinds], indent=1) + "\n")
        trials = kinds
    say(table(trials))
    if not any(kind.size >= SURE for kind in trials):
        complain(f"no planted slowdown reaches {SURE:.0%}: whether such are seen has not been tried")
    return 0 if passes(trials) else 1


@contextmanager
def planted(tree: Tree, fault: Fault, units: int) -> Iterator[Tree]:
    """A copy of the tree's package with a fault in it."""
    with tempfile.TemporaryDirectory(prefix="sac-planted-") as temporary:
        root = Path(temporary)
        shutil.copytree(tree.root / "sac", root / "sac", ignore=shutil.ignore_patterns("__pycache__"))
        with (root / "sac" / "learner" / "factory.py").open("a") as file:
            file.write(_PLANTED.format(units=units, work=fault.work))
        yield Tree(root, f"{tree.revision}+planted", python=tree.python)


def passes(trials: Sequence[Trials]) -> bool:
    """Whether at most 1 in 20 is a false alarm, and a planted 20 % is seen in at least 19 of 20."""
    for kind in trials:
        alarms = kind.verdicts.count(BenchVerdict.SLOWER) / len(kind.verdicts)
        if (kind.size == 0 and alarms > 0.05) or (kind.size >= SURE and alarms < 0.95):
            return False
    return True


def table(trials: Sequence[Trials]) -> str:
    """Rates as Markdown."""
    lines = [
        "| planted | aimed at | measured | slower | inconclusive | passed | seen by the counters | s | load |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for kind in trials:
        slower, unclear = (kind.verdicts.count(v) for v in (BenchVerdict.SLOWER, BenchVerdict.INCONCLUSIVE))
        count, median = len(kind.verdicts), statistics.median
        cells = [
            kind.fault,
            f"{kind.size:.0%}",
            f"{median(kind.ratios) - 1:+.1%}",
            *(f"{n} of {count}" for n in (slower, unclear, count - slower - unclear, sum(kind.counted))),
            f"{median(kind.seconds):.0f}",
            f"{median(kind.load):.1f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _size(kind: Trials, kinds: Sequence[Trials], tree: Tree, wanted: Wanted, setup: Setup) -> None:
    """Find how much work makes the slowdown; the same fault in another size tells it."""
    if kind.fault == NOTHING:
        return
    known = next((other for other in kinds if other.fault == kind.fault and other.units), None)
    if known is not None:
        kind.units = max(1, round(known.units * kind.size / known.size))
        return
    first = FAULTS[kind.fault].first_units
    with planted(tree, FAULTS[kind.fault], first) as slow:
        report = compare(tree, slow, wanted, setup, say=lambda line: None)
    found = report.results[0].interval
    if found is None or found.ratio <= 1.005:
        raise BenchError(f"{kind.fault}: {first} units make no difference that could be measured; see --benchmark")
    kind.units = max(1, round(first * kind.size / (found.ratio - 1)))


def _try(kind: Trials, tree: Tree, wanted: Wanted, setup: Setup) -> None:
    """One comparison."""
    if kind.fault == NOTHING:
        report = compare(tree, tree, wanted, setup, say=lambda line: None)
    else:
        with planted(tree, FAULTS[kind.fault], kind.units) as slow:
            report = compare(tree, slow, wanted, setup, say=lambda line: None)
    (name,) = wanted.names
    record = report.records[name]
    result = result_of(name, record, wanted)
    if result.interval is None:
        raise BenchError(f"{kind.fault}: {result.note or result.verdict.value}")
    kind.verdicts.append(result.verdict)
    kind.counted.append(bool(risen(*record.counters)))
    kind.ratios.append(result.interval.ratio)
    kind.seconds.append(report.seconds)
    kind.load.append(os.getloadavg()[0])


def _plain(kind: Trials) -> dict[str, Any]:
    return {**vars(kind), "verdicts": [verdict.value for verdict in kind.verdicts]}


def _sizes(text: str) -> list[float]:
    try:
        sizes = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise BenchError(f"--sizes {text}: must be numbers between commas, for example 0.05,0.10,0.20") from error
    if not all(0 < size <= 1 for size in sizes):
        raise BenchError(f"--sizes {text}: each must be greater than 0 and at most 1")
    return sizes


def _faults(text: str | None) -> list[str]:
    names = list(FAULTS) if text is None else [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in FAULTS]
    if unknown:
        raise BenchError(f"--faults {','.join(unknown)}: there are {', '.join(FAULTS)}")
    return names
