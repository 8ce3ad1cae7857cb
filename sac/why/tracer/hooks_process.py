"""Follows processes that the script starts: forks by themselves, new interpreters through the environment."""

from __future__ import annotations

import atexit
import concurrent.futures.process
import functools
import multiprocessing
import multiprocessing.pool
import multiprocessing.util
import os
import subprocess
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from .recorder import Recorder, current
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
    _exits(recorder)
    for module in (multiprocessing.pool, concurrent.futures.process):
        name = "worker" if module is multiprocessing.pool else "_process_worker"
        setattr(module, name, _pool_worker(recorder, getattr(module, name)))


def _exits(recorder: Recorder) -> None:
    """Hook the ways in which a process ends, or becomes another program, without `atexit`."""
    leave, execv, execve = os._exit, os.execv, os.execve

    @functools.wraps(leave)
    def traced_exit(status: int) -> NoReturn:
        recorder.close()
        leave(status)

    @functools.wraps(execv)
    def traced_execv(path: Any, args: Any) -> NoReturn:
        _ended_as_another(recorder)
        _named(recorder, execv)(path, args)
        raise AssertionError("not reached")

    @functools.wraps(execve)
    def traced_execve(path: Any, args: Any, env: Mapping[Any, Any]) -> NoReturn:
        _ended_as_another(recorder)
        known = TRACE in env or TRACE.encode() in env
        execve(path, args, {**env, TRACE: recorder.child_path()} if known else env)

    os._exit, os.execv, os.execve = traced_exit, traced_execv, traced_execve  # type: ignore[assignment]


def _ended_as_another(recorder: Recorder) -> None:
    """Note the end of a process that becomes another program; that one writes a trace of its own, as a child would."""
    recorder.mark(end="end")


def _pool_worker(recorder: Recorder, original: Callable[..., Any]) -> Callable[..., Any]:
    """Return the main loop of a pool's worker, which notes that a race decides which tasks come to it."""

    @functools.wraps(original)
    def traced(*args: Any, **kwargs: Any) -> Any:
        if multiprocessing.parent_process() is not None:
            current().mark(pool=1)
        return original(*args, **kwargs)

    return traced


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
