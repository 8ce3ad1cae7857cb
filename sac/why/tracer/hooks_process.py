"""Follows processes that the script starts: forks by themselves, new interpreters through what they inherit.

The environment tells a child the run's trace and its parent. Who makes an environment of his own for it mostly copies
the one he has: then the child knows its parent still, and only not which of its children it is. An environment that
was made from nothing gets what is missing.
"""

from __future__ import annotations

import concurrent.futures.process
import functools
import multiprocessing
import multiprocessing.pool
import multiprocessing.util
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from .recorder import SLOT, Recorder, current
from .run import HELPERS, HERE, OWN

_DEADLY = (signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGHUP)


def install(recorder: Recorder) -> None:
    """Let children write traces of their own; the order of their creation names them."""
    os.register_at_fork(before=recorder.before_fork, after_in_child=recorder.after_fork)
    # A worker of multiprocessing ends without `atexit`, and forgets the finalizers of its parent.
    multiprocessing.util.register_after_fork(recorder, _close_at_end)
    launch = subprocess.Popen._execute_child  # type: ignore[attr-defined]
    subprocess.Popen._execute_child = _launched(recorder, launch)  # type: ignore[attr-defined]
    multiprocessing.util.spawnv_passfds = _spawned(recorder, multiprocessing.util.spawnv_passfds)
    _exits(recorder)
    _kills(recorder)
    _races(recorder)
    for module in (multiprocessing.pool, concurrent.futures.process):
        name = "worker" if module is multiprocessing.pool else "_process_worker"
        setattr(module, name, _pool_worker(recorder, getattr(module, name)))


def install_loky(recorder: Recorder, module: Any) -> None:
    """Hook the workers of joblib's own pool."""
    module._process_worker = _pool_worker(recorder, module._process_worker)


def inherited(environment: Mapping[Any, Any], slot: str) -> dict[str, str]:
    """Return an environment for a child, with all that the tracer needs there."""
    given = {os.fsdecode(name): os.fsdecode(value) for name, value in environment.items()}
    own = {name: value for name, value in os.environ.items() if name.startswith(OWN)}
    inject = str(HERE / "inject")
    path = given.get("PYTHONPATH", "")
    if inject not in path.split(os.pathsep):
        path = os.pathsep.join(filter(None, (inject, path)))
    return {**own, **given, "PYTHONPATH": path, SLOT: slot}


def _launched(recorder: Recorder, original: Callable[..., Any]) -> Callable[..., Any]:
    """Return the part of `subprocess.Popen` that starts the program."""

    @functools.wraps(original)
    def traced(self: Any, args: Any, *rest: Any) -> Any:
        # executable, preexec_fn, close_fds, pass_fds, cwd, env
        before, environment, after = rest[:5], rest[5], rest[6:]
        with recorder.launch() as slot:
            made = inherited(os.environ if environment is None else environment, slot)
            result = original(self, args, *before, made, *after)
        _note(recorder, self.pid, [args] if isinstance(args, (str, bytes, os.PathLike)) else list(args))
        return result

    return traced


def _spawned(recorder: Recorder, original: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function by which multiprocessing starts interpreters; they get the environment as it is."""

    @functools.wraps(original)
    def traced(path: Any, args: Sequence[Any], passfds: Any) -> Any:
        with recorder.launch() as slot:
            os.environ[SLOT] = slot
            try:
                pid = original(path, args, passfds)
            finally:
                os.environ.pop(SLOT, None)
        _note(recorder, pid, args)
        return pid

    return traced


def _note(recorder: Recorder, pid: int, arguments: Sequence[Any]) -> None:
    """Note that a program was started: it should have a trace of its own, if it is an interpreter."""
    if recorder.busy():
        return
    with recorder.quiet():
        words = [os.fsdecode(part) for part in arguments]
        place = recorder.places.find()
        # Libraries ask programs about the machine while they are imported.
        if place is not None and not place.aside and not any(name in " ".join(words) for name in HELPERS):
            recorder.started(pid, words, place)


def _exits(recorder: Recorder) -> None:
    """Hook the ways in which a process ends, or becomes another program, without `atexit`."""
    leave, execv, execve = os._exit, os.execv, os.execve

    @functools.wraps(leave)
    def traced_exit(status: int) -> NoReturn:
        recorder.close()
        leave(status)

    @functools.wraps(execv)
    def traced_execv(path: Any, args: Any) -> NoReturn:
        traced_execve(path, args, os.environ)

    @functools.wraps(execve)
    def traced_execve(path: Any, args: Any, env: Mapping[Any, Any]) -> NoReturn:
        # The other program writes a trace of its own, as a child would.
        recorder.mark(end="end")
        with recorder.launch() as slot:
            execve(path, args, inherited(env, slot))

    os._exit, os.execv, os.execve = traced_exit, traced_execv, traced_execve  # type: ignore[assignment]


def _races(recorder: Recorder) -> None:
    """Note that functions of the user's own run in processes at once: they may change memory that they share."""
    start = multiprocessing.process.BaseProcess.start

    @functools.wraps(start)
    def traced(self: Any) -> None:
        place = None if "processes" in recorder.racing else recorder.places.find(2)
        others = place is not None and _own_function(recorder, self) and multiprocessing.active_children()
        if place is not None and others:
            recorder.race("processes", place)
        start(self)

    multiprocessing.process.BaseProcess.start = traced  # type: ignore[method-assign]


def _own_function(recorder: Recorder, process: Any) -> bool:
    """Whether a process runs a function of the user's own, itself or through a library (`torch.multiprocessing`)."""
    target, arguments = getattr(process, "_target", None), getattr(process, "_args", ())
    codes = (getattr(one, "__code__", None) for one in (target, type(process).run, *arguments[:1]))
    return any(code is not None and recorder.places.own(code.co_filename) is not None for code in codes)


def _kills(recorder: Recorder) -> None:
    """Hook the ways to end another process: its trace has no end then, and needs none."""
    for name in ("kill", "killpg"):
        original = getattr(os, name)

        def traced(pid: int, number: int, _original: Callable[[int, int], None] = original) -> None:
            if number in _DEADLY and pid != os.getpid():
                recorder.mark(killed=pid)
            _original(pid, number)

        setattr(os, name, functools.wraps(original)(traced))


def _pool_worker(recorder: Recorder, original: Callable[..., Any]) -> Callable[..., Any]:
    """Return the main loop of a pool's worker, which notes that a race decides which tasks come to it."""

    @functools.wraps(original)
    def traced(*args: Any, **kwargs: Any) -> Any:
        # A pool of threads has the same loop, in the process of the script.
        if multiprocessing.parent_process() is not None or current().parent:
            current().mark(pool=1)
            if args:
                args = (_TaskQueue(args[0], current()), *args[1:])
        return original(*args, **kwargs)

    return traced


class _TaskQueue:
    """The queue that a pool's worker takes its tasks from; what a task does is put into blocks of its own.

    Args:
        queue: of the pool's.
        recorder: of this process.
    """

    def __init__(self, queue: Any, recorder: Recorder) -> None:
        self._queue, self._recorder = queue, recorder

    def get(self, *args: Any, **kwargs: Any) -> Any:
        """Take the next task out: how many came before is a race, and must not tell where blocks begin."""
        self._recorder.begin_task()
        return self._queue.get(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        """Return whatever else there is of the queue."""
        return getattr(self._queue, name)


def _close_at_end(recorder: Recorder) -> None:
    multiprocessing.util.Finalize(None, recorder.close, exitpriority=-100)
