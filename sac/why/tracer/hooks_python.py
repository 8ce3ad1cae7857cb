"""Hooks on the standard library: `random`, OS entropy, clocks, process ids, directory listings, completion order."""

from __future__ import annotations

import concurrent.futures
import functools
import multiprocessing.pool
import os
import random
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from .recorder import Recorder

DRAWS = (
    *("random", "uniform", "randint", "randrange", "choice", "choices", "sample", "shuffle", "gauss", "normalvariate"),
    *("betavariate", "expovariate", "triangular", "getrandbits", "randbytes", "lognormvariate", "vonmisesvariate"),
)
CLOCKS = ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns")
GLOBAL = "random's global generator"


def install(recorder: Recorder, stress: frozenset[str]) -> None:
    """Hook what Python itself offers."""
    _entropy(recorder)
    _random(recorder)
    _clocks(recorder)
    _listings(recorder, "listdir" in stress)
    _completion(recorder)


def generator_input(recorder: Recorder, name: str, state: Callable[[], Any]) -> dict[str, Any]:
    """Return a generator as an input: its state, or that nobody has seeded it, which is the same in every process."""
    return {"generator": state() if name in recorder.seeded else "never seeded"}


def _entropy(recorder: Recorder) -> None:
    """Hook the operating system's entropy where Python code asks for it."""
    urandom = os.urandom

    @functools.wraps(urandom)
    def traced(size: int) -> bytes:
        drawn = urandom(size)
        recorder.entropy.append(int.from_bytes(drawn, "big"))
        recorder.source("entropy", "os.urandom", drawn.hex())
        return drawn

    os.urandom = traced
    random._urandom = traced  # type: ignore[attr-defined]
    uuid1 = uuid.uuid1

    @functools.wraps(uuid1)
    def traced_uuid1(*args: Any, **kwargs: Any) -> uuid.UUID:
        made = uuid1(*args, **kwargs)
        recorder.source("clock", "uuid.uuid1", made.hex)
        return made

    uuid.uuid1 = traced_uuid1


def _random(recorder: Recorder) -> None:
    """Hook the module's functions, which draw from its global generator, and the seeding of others."""
    for name in DRAWS:
        if hasattr(random, name):
            setattr(random, name, _draw(recorder, name, getattr(random, name)))
    seed = random.seed

    @functools.wraps(seed)
    def traced_seed(a: Any = None, version: int = 2) -> None:
        if recorder.within():
            return seed(a, version)
        known = {"seed": a if isinstance(a, (int, float, str, bytes, bytearray)) else None}
        facts = {"generator": GLOBAL, "unseeded": a is None}
        recorder.flow("seed", "random.seed", lambda: seed(a, version), lambda: ({}, facts), lambda _: known)
        recorder.seeded.discard(GLOBAL) if a is None else recorder.seeded.add(GLOBAL)
        return None

    random.seed = traced_seed
    _random_class(recorder)


def _draw(recorder: Recorder, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a traced function of the module `random`."""

    @functools.wraps(original)
    def traced(*args: Any, **kwargs: Any) -> Any:
        if recorder.within():
            return original(*args, **kwargs)
        facts = {"generator": GLOBAL, "seeded": GLOBAL in recorder.seeded}

        def describe() -> Any:
            return {"arguments": (args, kwargs), **generator_input(recorder, GLOBAL, random.getstate)}, facts

        shuffled = (lambda _: {"result": args[0]}) if name == "shuffle" else None
        return recorder.flow("draw", f"random.{name}", lambda: original(*args, **kwargs), describe, shuffled)

    return traced


def _random_class(recorder: Recorder) -> None:
    """See generators that are made without a seed; their draws are methods written in C, only some can be seen."""
    plain = random.Random.seed

    @functools.wraps(plain)
    def seed(self: random.Random, a: Any = None, version: int = 2) -> None:
        plain(self, a, version)
        if a is None and not isinstance(self, random.SystemRandom):
            recorder.source("entropy", "random.Random()", repr(self.getstate()), "an unseeded random.Random")

    random.Random.seed = seed  # type: ignore[method-assign]
    for name in ("uniform", "randint", "randrange", "choice", "choices", "sample", "shuffle", "gauss"):
        setattr(random.Random, name, _method(recorder, name, getattr(random.Random, name)))


def _method(recorder: Recorder, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a traced method of `random.Random`."""

    @functools.wraps(original)
    def traced(self: random.Random, *args: Any, **kwargs: Any) -> Any:
        # Libraries have generators of their own for names of files: those are no part of a result.
        if recorder.within() or not recorder.places.called_by_own():
            return original(self, *args, **kwargs)
        kind = type(self).__name__
        facts = {"generator": f"a random.{kind}", "object": True}
        shuffled = (lambda _: {"result": args[0]}) if name == "shuffle" else None
        return recorder.flow(
            *("draw", f"random.{kind}.{name}", lambda: original(self, *args, **kwargs)),
            *(lambda: ({"arguments": (args, kwargs)}, facts), shuffled),
        )

    return traced


def _reader(recorder: Recorder, kind: str, label: str, original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a traced function that reads something of this process alone; only the user's own reads count."""

    @functools.wraps(original)
    def traced(*args: Any, **kwargs: Any) -> Any:
        value = original(*args, **kwargs)
        if not recorder.busy() and recorder.places.called_by_own():
            recorder.source(kind, label, value)
        return value

    return traced


def _clocks(recorder: Recorder) -> None:
    """Hook clocks and process ids."""
    for name in CLOCKS:
        setattr(time, name, _reader(recorder, "clock", f"time.{name}", getattr(time, name)))
    for name in ("getpid", "getppid"):
        setattr(os, name, _reader(recorder, "pid", f"os.{name}", getattr(os, name)))


def _listings(recorder: Recorder, reverse: bool) -> None:
    """Hook directory listings; on request they come in reverse, an order that another file system may give."""
    listdir, scandir = os.listdir, os.scandir

    @functools.wraps(listdir)
    def traced_listdir(*args: Any, **kwargs: Any) -> Any:
        names = listdir(*args, **kwargs)
        if reverse and recorder.places.find(1) is not None:
            names = names[::-1]
        if len(names) > 1:
            recorder.source("listing", "os.listdir", [str(name) for name in names], ", ".join(map(str, names)))
        return names

    class Listing:
        """An `os.scandir` whose entries were read at once."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            with scandir(*args, **kwargs) as entries:
                found = list(entries)
            names = [str(entry.name) for entry in found]
            if reverse and recorder.places.find(1) is not None:
                found, names = found[::-1], names[::-1]
            if len(names) > 1:
                recorder.source("listing", "os.scandir", names, ", ".join(names))
            self._entries = iter(found)

        def __iter__(self) -> Iterator[Any]:
            return self

        def __next__(self) -> Any:
            return next(self._entries)

        def __enter__(self) -> Listing:
            return self

        def __exit__(self, *error: object) -> None:
            self.close()

        def close(self) -> None:
            """Forget what is left."""
            self._entries = iter(())

    os.listdir = traced_listdir
    os.scandir = Listing  # type: ignore[assignment]


def _completion(recorder: Recorder) -> None:
    """Hook the functions that hand results over in the order in which they happen to be ready."""
    as_completed = concurrent.futures.as_completed

    @functools.wraps(as_completed)
    def traced(fs: Any, timeout: float | None = None) -> Iterator[Any]:
        futures = list(fs)
        rank = {id(future): position for position, future in enumerate(futures)}
        for future in as_completed(futures, timeout):
            recorder.source("completion", "as_completed", rank[id(future)], f"future {rank[id(future)]}")
            yield future

    concurrent.futures.as_completed = traced
    concurrent.futures._base.as_completed = traced
    unordered = multiprocessing.pool.Pool.imap_unordered

    @functools.wraps(unordered)
    def traced_unordered(self: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        for result in unordered(self, *args, **kwargs):
            recorder.source("completion", "imap_unordered", result)
            yield result

    multiprocessing.pool.Pool.imap_unordered = traced_unordered  # type: ignore[method-assign, assignment]
