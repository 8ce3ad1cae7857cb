"""The measuring process: builds benchmarks and times them on request, one JSON object for each line in and out."""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from contextlib import ExitStack
from typing import Any, TextIO

from .rooms import load

WARM_UP = 3
"""Calls before anything is counted or timed; the counted call always has the same number, so counts can be equal."""


class Server:
    """One benchmark at a time, built on request."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._work: Any = None

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Carry out one request; an error becomes part of the answer."""
        try:
            if request["do"] == "build":
                return self._build(request["case"], request["count"])
            return self._time(request["repetitions"], request["calls"])
        except Exception as error:
            detail = traceback.format_exc(limit=-3)
            return {"error": f"{type(error).__name__}: {error}".strip(), "traceback": detail}

    def close(self) -> None:
        """Release what the benchmark holds."""
        self._work = None
        self._stack.close()

    def _build(self, name: str, counted: bool) -> dict[str, Any]:
        from .cases import CASES

        self.close()
        self._stack = ExitStack()
        self._work = CASES[name].build(self._stack)
        for _ in range(WARM_UP):
            self._work()
        counters = {}
        if counted and CASES[name].counted:
            from .counters import count

            counters = count(self._work)
        start = time.perf_counter()
        self._work()
        return {"counters": counters, "seconds": time.perf_counter() - start}

    def _time(self, repetitions: int, calls: int) -> dict[str, Any]:
        work, wall, cpu = self._work, [], []
        for _ in range(repetitions):
            cpu_start, start = time.process_time(), time.perf_counter()
            for _ in range(calls):
                work()
            wall.append((time.perf_counter() - start) / calls)
            cpu.append((time.process_time() - cpu_start) / calls)
        return {"wall": wall, "cpu": cpu}


def serve(profile: str, threads: int) -> None:
    """Greet, then answer requests until the input ends."""
    # Libraries print; the channel stays clean.
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    profiles = load("sac.numerics.profiles")
    profiles.prepare(profile)
    profiles.apply(profile, threads)
    _say(channel, _greeting(profile))
    server = Server()
    for line in sys.stdin:
        _say(channel, server.answer(json.loads(line)))
    server.close()


def _say(channel: TextIO, message: dict[str, Any]) -> None:
    channel.write(json.dumps(message) + "\n")


def _greeting(profile: str) -> dict[str, Any]:
    """Which package is measured, on what, and the benchmarks that its revision has itself."""
    import sac

    try:
        from sac.bench.workloads.cases import CASES

        own = list(CASES)
    except ImportError:
        own = []
    fingerprint = load("sac.numerics.fingerprint").fingerprint(profile)
    return {"package": sac.__file__, "own": own, "fingerprint": fingerprint}
