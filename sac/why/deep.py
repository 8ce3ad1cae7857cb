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
                facts: dict[str, Any] = {}
                with warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter("always")
                    result = recorder.flow(
                        *("op", str(func), lambda: func(*args, **named), lambda: ({"arguments": (args, named)}, facts)),
                    )
                for warning in caught:
                    if "deterministic" in str(warning.message):
                        recorder.source("nondeterministic", str(func), None, str(warning.message).split(".")[0])
                return result

        torch.use_deterministic_algorithms(True, warn_only=True)
        mode = Operations()
        mode.__enter__()
        return mode


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
    runs, _ = run_all(replace(plan, deep=setting, until=0), 2)
    # Those runs are cut off soon behind that place; their operations are all wanted.
    a, b = (read_trace(run.trace) for run in runs)
    again = compare(a, b)
    lines = [f"deep: {sum(flow.kind == 'op' for flow in a.flows)} operations recorded before the parting event"]
    return [*lines, *_operation(again.parting), *_warnings(a)]


def _operation(parting: Parting | None) -> Iterator[str]:
    """Say which operation is the first that differs."""
    if parting is None:
        yield "deep: run again, the runs were equal this time"
        return
    event = parting.event.a
    place = f"{event.place.file}:{event.place.line}"
    if event.kind == "op":
        equal = "with equal inputs" if parting.inputs_equal else "whose inputs differ already"
        yield f"deep: first operation {equal} and other outputs: {event.name}, from {place}"
    else:
        yield f"deep: no operation of torch differs before {event.kind} at {place}"


def _warnings(trace: Any) -> Iterator[str]:
    """List torch's own warnings about operations without a deterministic form."""
    for source in trace.sources:
        if source.kind == "nondeterministic":
            yield f"deep: {source.place.file}:{source.place.line} {source.shown}"
