"""Records the operations of torch around one event, for `--deep`.

A dispatch mode writes one flow event, of kind `op`, for each operation shortly before the diverging event. Torch is
asked to warn of operations that have no deterministic form; in those runs only, since that may choose other kernels.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import warnings
from typing import Any

from .recorder import Recorder


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
