"""`--deep`: runs again with the operations of torch recorded around the parting event, to name the first that differs.

In the traced process a dispatch mode writes one flow event, of kind `op`, for each operation shortly before the parting
event. Torch is asked to warn of operations that have no deterministic form; in those runs only, since that may choose
other kernels.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sac.why.compare import Comparison, Parting
    from sac.why.launch import Plan
    from sac.why.record import Recorder
    from sac.why.trace import Event, Trace

SLACK = 5
WINDOW = 200
"""Flow events before the parting one whose operations are recorded too: twins part elsewhere when run again."""


def install(recorder: Recorder, setting: str) -> None:
    """Record operations from the flow event on that `setting` names, to its end; called in the traced process."""
    first, last = json.loads(setting)
    state: dict[str, Any] = {"mode": None, "count": 0}

    def watch(kind: str) -> None:
        state["count"] += kind != "op"
        if state["mode"] is None and first <= state["count"] < last:
            state["mode"] = _enter(recorder)
        elif state["mode"] is not None and state["count"] >= last:
            with recorder.quiet(), contextlib.suppress(Exception):
                state["mode"].__exit__(None, None, None)
            recorder.close("limit")
            # What was to be seen has been seen.
            os._exit(0)

    recorder.watch = watch


def _enter(recorder: Recorder) -> Any:
    """Start to record operations; None as long as the script hasn't imported torch."""
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    with recorder.quiet():
        from torch.utils._python_dispatch import TorchDispatchMode

        class Operations(TorchDispatchMode):
            """Writes each operation with digests of its inputs and outputs."""

            def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                named = kwargs or {}
                if recorder.busy():
                    return func(*args, **named)
                return recorder.flow(
                    *("op", str(func), lambda: func(*args, **named), lambda: ({"arguments": (args, named)}, {}))
                )

        torch.use_deterministic_algorithms(True, warn_only=True)
        _collect_warnings(recorder)
        mode = Operations()
        mode.__enter__()
        return mode


def _collect_warnings(recorder: Recorder) -> None:
    """Record what torch says of operations without a deterministic form; it says so after the operation."""
    warnings.filterwarnings("always", message=".*deterministic")
    show = warnings._showwarnmsg  # type: ignore[attr-defined]

    def traced(message: Any) -> None:
        text = str(message.message)
        if "does not have a deterministic" in text:
            recorder.source("nondeterministic", text.split()[0], None, text.split(",")[0])
        show(message)

    warnings._showwarnmsg = traced  # type: ignore[attr-defined]


def deepen(plan: Plan, comparison: Comparison) -> list[str]:
    """Run again up to the parting event, with operations; returns lines about the first one that differs."""
    from dataclasses import replace

    from sac.why.compare import compare
    from sac.why.launch import run_all
    from sac.why.trace import read_trace

    plan.folder.mkdir(parents=True, exist_ok=True)
    parting = comparison.parting
    if parting is None or parting.event.a.process:
        return ["deep: operations in child processes are not recorded"]
    sides = ((comparison.a, parting.event.a), (comparison.b, parting.event.b))
    positions = (trace.let_go + sum(flow.number <= event.number for flow in trace.flows) for trace, event in sides)
    position = max(positions)
    # Events that lie in each other end in another order than they start: hence some more.
    setting = json.dumps([max(1, position - WINDOW), position + SLACK])
    runs, _ = run_all(replace(plan, deep=setting, until=0, prefix="deep"), 2)
    # Those runs are cut off soon behind that place; their operations are all wanted.
    a, b = (read_trace(run.trace) for run in runs)
    again = compare(a, b)
    lines = [f"deep: {sum(flow.kind == 'op' for flow in a.flows)} operations recorded before the parting event"]
    return [*lines, *_operation(a, b, again.parting), *_warnings(a)]


def _operation(a: Trace, b: Trace, parting: Parting | None) -> Iterator[str]:
    """Say which operation is the first that differs, or that only one run has."""
    if parting is None:
        yield "deep: run again, the runs were equal this time"
        return
    from sac.why.compare import Pair

    others = {event.key: event for event in b.flows}
    pairs = (Pair(event, others[event.key]) for event in a.flows if event.kind == "op" and event.key in others)
    first = next((pair for pair in pairs if pair.differs), None)
    alone = next((event for event in parting.alone if event.kind == "op"), None)
    if alone is not None and (first is None or alone.number < first.a.number):
        yield f"deep: first operation that only one run has: {_named(alone)}"
    elif first is not None:
        unlike = f"whose inputs differ already ({', '.join(first.inputs)})"
        how = "with other outputs" if first.outputs else "that differs"
        yield f"deep: first operation {how}, {unlike if first.inputs else 'with equal inputs'}: {_named(first.a)}"
    else:
        yield f"deep: no operation of torch differs before {parting.event.a.kind} at {_line(parting.event.a)}"


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
