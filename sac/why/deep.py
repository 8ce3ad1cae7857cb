"""`--deep`: runs again with the operations of torch around the diverging event, to name the first that differs.

What records them in the traced process is `tracer.operations`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from sac.why.compare import Pair, TraceComparison, TraceDivergence, compare
from sac.why.event import Event
from sac.why.launch import TracePlan, run_all
from sac.why.trace import Trace, read_trace

SLACK = 5
WINDOW = 200
"""Flow events before the diverging one whose operations are recorded too: twins part elsewhere when run again."""


def deepen(plan: TracePlan, comparison: TraceComparison) -> list[str]:
    """Run again up to the diverging event, with operations; returns lines about the first one that differs."""
    plan.folder.mkdir(parents=True, exist_ok=True)
    divergence = comparison.divergence
    if divergence is None or divergence.event.a.process:
        return ["deep: operations in child processes are not recorded"]
    sides = ((comparison.a, divergence.event.a), (comparison.b, divergence.event.b))
    positions = (trace.let_go + sum(flow.number <= event.number for flow in trace.flows) for trace, event in sides)
    position = max(positions)
    # Events that lie in each other end in another order than they start: hence some more.
    setting = json.dumps([max(1, position - WINDOW), position + SLACK])
    runs, _ = run_all(replace(plan, deep=setting, until=0, prefix="deep"), 2)
    # Those runs are cut off soon behind that place; their operations are all wanted.
    a, b = (read_trace(run.trace) for run in runs)
    again = compare(a, b)
    lines = [f"deep: {sum(flow.kind == 'op' for flow in a.flows)} operations recorded before the diverging event"]
    return [*lines, *_operation(a, b, again.divergence), *_warnings(a)]


def _operation(a: Trace, b: Trace, divergence: TraceDivergence | None) -> Iterator[str]:
    """Say which operation is the first that differs, or that only one run has."""
    if divergence is None:
        yield "deep: run again, the runs were equal this time"
        return
    others = {event.key: event for event in b.flows}
    pairs = (Pair(event, others[event.key]) for event in a.flows if event.kind == "op" and event.key in others)
    first = next((pair for pair in pairs if pair.differs), None)
    alone = next((event for event in divergence.alone if event.kind == "op"), None)
    if alone is not None and (first is None or alone.number < first.a.number):
        yield f"deep: first operation that only one run has: {_named(alone)}"
    elif first is not None:
        unlike = f"whose inputs differ already ({', '.join(first.inputs)})"
        how = "with other outputs" if first.outputs else "that differs"
        yield f"deep: first operation {how}, {unlike if first.inputs else 'with equal inputs'}: {_named(first.a)}"
    else:
        yield f"deep: no operation of torch differs before {divergence.event.a.kind} at {_line(divergence.event.a)}"


def _named(event: Event) -> str:
    return f"{event.name}, from {_line(event)}"


def _line(event: Event) -> str:
    return f"{event.place.file}:{event.place.line}"


def _warnings(trace: Trace) -> Iterator[str]:
    """List torch's own warnings about operations without a deterministic form."""
    for source in trace.sources:
        if source.kind == "nondeterministic":
            text = source.shown.strip("'")
            yield f"deep: {_line(source)} {text}"
