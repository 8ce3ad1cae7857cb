"""Rounds: two fresh processes, one of each revision, that take turns of milliseconds in the order A B B A.

Turns that short see the same machine, whatever else runs on it. Every round has fresh processes, so the luck of one
(the addresses of its memory) can't decide.
"""

from __future__ import annotations

import json
import math
import os
import select
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from sac.bench.errors import BenchError
from sac.bench.judge import Samples
from sac.bench.trees import Tree
from sac.lifeline import Lifeline
from sac.processes import start_tied

_WORKLOADS = Path(__file__).parent / "workloads"
# The workloads get a name of their own, since `sac` is the measured revision's.
_BOOT = """
import importlib.util, sys
folder, profile, threads = sys.argv[1:]
spec = importlib.util.spec_from_file_location(
    "sac_workloads", folder + "/__init__.py", submodule_search_locations=[folder])
sys.modules["sac_workloads"] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
from sac_workloads.serve import serve
serve(profile, int(threads))
"""
CLOCKS = ("cpu", "wall")
PATIENCE = 180
"""Seconds of silence after which a process counts as hanging: far more than a build on a busy machine takes."""
DEAD = "ended with"
_CLEARED = ("PYTHONHASHSEED", "PYTHONOPTIMIZE", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "SAC_RESTARTED")


@dataclass(frozen=True)
class Setup:
    """How processes are run.

    Attributes:
        profile: numerics profile of both.
        threads: CPU threads of each.
        budget: seconds that one benchmark may take in one round.
    """

    profile: str = "deterministic"
    threads: int = 1
    budget: float = 1.5


@dataclass(frozen=True)
class TimingPlan:
    """How one benchmark is timed: A B B A and B A A B so often; a turn is the median of repetitions of calls."""

    couples: int
    repetitions: int
    calls: int

    @classmethod
    def of(cls, seconds: float, budget: float) -> TimingPlan:
        """The plan for a call that takes `seconds`."""
        calls = max(1, math.ceil(0.002 / max(seconds, 1e-7)))
        repetitions = min(9, max(1, int(0.03 / (calls * seconds))))
        couples = int(budget / (8 * repetitions * calls * seconds))
        return cls(min(6, max(2, couples)), repetitions, calls)


@dataclass
class BenchRecord:
    """All that was measured of one benchmark.

    Attributes:
        samples: times by the wall clock, and processor time of the process.
        counters: of base and head.
        errors: what went wrong in base and head; empty strings where nothing did.
        plan: how it is timed; the same in all rounds.
    """

    samples: dict[str, Samples] = field(default_factory=lambda: {clock: Samples() for clock in CLOCKS})
    counters: tuple[dict[str, int], dict[str, int]] = field(default_factory=lambda: ({}, {}))
    errors: tuple[str, str] = ("", "")
    plan: TimingPlan | None = None


class BenchWorker:
    """One measuring process."""

    def __init__(self, tree: Tree, setup: Setup) -> None:
        self.tree = tree
        self.patience = PATIENCE
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        command = [tree.python, "-c", _BOOT, str(_WORKLOADS), setup.profile, str(setup.threads)]
        environment = {name: value for name, value in os.environ.items() if name not in _CLEARED}
        environment |= {"PYTHONPATH": str(tree.root), "PYTHONDONTWRITEBYTECODE": "1"}
        # It notices the end of its input only between two turns, and one that hangs never does.
        self._lifeline = Lifeline()
        self._process = start_tied(
            command,
            self._lifeline,
            cwd=tree.root,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def greet(self) -> dict[str, Any]:
        """What the process says when it is ready.

        Raises:
            BenchError: it died, or measures another package than the tree's.
        """
        hello = self.hear()
        if "error" in hello:
            raise BenchError(f"{self.tree.revision[:10]} can't be measured: {hello['error']}")
        if not Path(hello["package"]).resolve().is_relative_to(self.tree.root.resolve()):
            raise BenchError(
                f"{self.tree.revision[:10]}: measured {hello['package']}, which is not of {self.tree.root}"
            )
        return hello

    def say(self, **request: Any) -> None:
        """Send a request."""
        if self._process.stdin is not None and self._process.poll() is None:
            try:
                print(json.dumps(request), file=self._process.stdin, flush=True)
            except BrokenPipeError:
                return

    def hear(self) -> dict[str, Any]:
        """Return the next answer, or an error if the process died or, silent for `patience` seconds, was killed."""
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], self.patience)[0]:
            self._process.kill()
            return {"error": f"the process {DEAD} a kill, after {self.patience} s without an answer"}
        line = self._process.stdout.readline()
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        status = self._process.wait()
        self._errors.seek(0)
        last = self._errors.read().strip().splitlines()[-1:] or ["no message"]
        return {"error": f"the process {DEAD} status {status}: {last[0]}"}

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send a request and wait for its answer."""
        self.say(**request)
        return self.hear()

    def __enter__(self) -> BenchWorker:
        """The process runs already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process; kill it if it ignores the end of its input."""
        try:
            self._process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        self._lifeline.close()
        self._errors.close()


class Rounds:
    """Runs rounds and keeps their results.

    Args:
        base: tree A.
        head: tree B.
        setup: how processes are run.
        say: called with a line about progress.
    """

    def __init__(self, base: Tree, head: Tree, setup: Setup, say: Callable[[str], None] = lambda line: None) -> None:
        self.trees, self.setup, self._say = (base, head), setup, say
        self.records: dict[str, BenchRecord] = {}
        self.hellos: tuple[dict[str, Any], dict[str, Any]] = ({}, {})

    def run(self, names: Sequence[str]) -> None:
        """Run one round of these benchmarks, in fresh processes."""
        with ExitStack() as stack:
            workers = [stack.enter_context(BenchWorker(tree, self.setup)) for tree in self.trees]
            self.hellos = (workers[0].greet(), workers[1].greet())
            for name in names:
                self._say(name)
                record = self.records.setdefault(name, BenchRecord())
                if not any(record.errors):
                    self._measure(workers, name, record)
                if any(DEAD in error for error in record.errors):
                    # A dead process answers no more: the other benchmarks wait for the next round.
                    return

    def _measure(self, workers: list[BenchWorker], name: str, record: BenchRecord) -> None:
        for worker in workers:
            # Counts are exact: once is enough, and torch takes a second to begin.
            worker.say(do="build", case=name, count=record.plan is None)
        built = [worker.hear() for worker in workers]
        record.errors = (built[0].get("error", ""), built[1].get("error", ""))
        if any(record.errors):
            return
        if record.plan is None:
            record.counters = (built[0]["counters"], built[1]["counters"])
        plan = record.plan = record.plan or TimingPlan.of(built[0]["seconds"], self.setup.budget)
        turns = [self._turn(workers, plan, which) for _ in range(plan.couples) for which in (0, 1)]
        errors = {side: error for turn in turns for side, error in turn.errors.items()}
        record.errors = (errors.get(0, ""), errors.get(1, ""))
        if not errors:
            for clock in CLOCKS:
                record.samples[clock].rounds.append([turn.times(clock) for turn in turns])

    def _turn(self, workers: list[BenchWorker], plan: TimingPlan, first: int) -> _Quadruple:
        """A B B A, or B A A B."""
        quadruple = _Quadruple()
        for side in (first, 1 - first, 1 - first, first):
            answer = workers[side].ask(do="time", repetitions=plan.repetitions, calls=plan.calls)
            quadruple.add(side, answer)
        return quadruple


class _Quadruple:
    """Four turns."""

    def __init__(self) -> None:
        self._turns: tuple[list[dict[str, float]], list[dict[str, float]]] = ([], [])
        self.errors: dict[int, str] = {}

    def add(self, side: int, answer: dict[str, Any]) -> None:
        """Book one turn of base (0) or head (1)."""
        if "error" in answer:
            self.errors[side] = answer["error"]
        else:
            self._turns[side].append({clock: statistics.median(answer[clock]) for clock in CLOCKS})

    def times(self, clock: str) -> tuple[tuple[float, float], tuple[float, float]]:
        """((a, a), (b, b)) in seconds."""
        (a, c), (b, d) = self._turns
        return (a[clock], c[clock]), (b[clock], d[clock])
