"""Follows processes that the script starts: forks by themselves, new interpreters through the environment."""

from __future__ import annotations

import atexit
import functools
import multiprocessing.util
import os
import subprocess
from collections.abc import Callable
from typing import Any

from .record import Recorder
from .run import TRACE


def install(recorder: Recorder) -> None:
    """Let children write traces of their own; the order of their creation names them."""
    os.register_at_fork(before=recorder.before_fork, after_in_child=recorder.after_fork)
    # A worker of multiprocessing ends without `atexit`, and forgets the finalizers of its parent.
    multiprocessing.util.register_after_fork(recorder, _close_at_end)
    atexit.register(recorder.close)
    launch = subprocess.Popen._execute_child  # type: ignore[attr-defined]
    subprocess.Popen._execute_child = _named(recorder, launch)  # type: ignore[attr-defined]
    multiprocessing.util.spawnv_passfds = _named(recorder, multiprocessing.util.spawnv_passfds)


def _close_at_end(recorder: Recorder) -> None:
    multiprocessing.util.Finalize(None, recorder.close, exitpriority=-100)


def _named(recorder: Recorder, original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that starts a process, with the name of its trace in the environment."""

    @functools.wraps(original)
    def traced(*args: Any, **kwargs: Any) -> Any:
        before = os.environ.get(TRACE, "")
        os.environ[TRACE] = recorder.child_path()
        try:
            return original(*args, **kwargs)
        finally:
            os.environ[TRACE] = before

    return traced
