"""Hooks on the standard library: `random`, OS entropy, clocks, process ids, directory listings, completion order."""

from __future__ import annotations

import functools
import os
import random
import sys
import tempfile
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import FrameType
from typing import Any

from .blocks import SIZE, Block
from .force import EPOCH, NUMBER
from .generators import NEVER, random_state, short_digest
from .place import Place
from .recorder import Recorder

DRAWS = (
    *("random", "uniform", "randint", "randrange", "choice", "choices", "sample", "shuffle", "gauss", "normalvariate"),
    *("betavariate", "expovariate", "triangular", "getrandbits", "randbytes", "lognormvariate", "vonmisesvariate"),
)
CLOCKS = (
    *("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns"),
    *("process_time", "process_time_ns", "thread_time", "thread_time_ns", "clock_gettime", "clock_gettime_ns"),
)
_WALL = ("time.time", "time.time_ns")
NOW = ("strftime", "localtime", "gmtime", "ctime", "asctime")
"""Functions of `time` that speak of now if they are told of no other instant."""
_LAST = SIZE - 1
"""Events in a block that one more fills."""
_OF_ITEMS = ("choice", "choices", "sample", "shuffle")
"""Those that give what they are given: it may change later."""
GLOBAL = "random's global generator"


def install(recorder: Recorder) -> None:
    """Hook what Python itself offers."""
    _entropy(recorder)
    _random(recorder)
    _clocks(recorder)
    _listings(recorder, "listdir" in recorder.stress)
    _temporary_names(recorder)


def _entropy(recorder: Recorder) -> None:
    """Hook the operating system's entropy where Python code asks for it."""
    urandom = os.urandom

    @functools.wraps(urandom)
    def traced(size: int) -> bytes:
        site = recorder.forced("entropy")
        drawn = urandom(size) if site is None else site.stream(size)
        if not recorder.busy():
            recorder.remember_entropy(drawn)
        recorder.source("entropy", "os.urandom", drawn.hex(), facts={"via": recorder.places.libraries()})
        return drawn

    os.urandom = traced
    if hasattr(os, "getrandom"):
        getrandom = os.getrandom
        os.getrandom = functools.wraps(getrandom)(lambda size, flags=0: traced(size))
    random._urandom = traced  # type: ignore[attr-defined]
    uuid1 = uuid.uuid1

    @functools.wraps(uuid1)
    def traced_uuid1(*args: Any, **kwargs: Any) -> uuid.UUID:
        site = recorder.forced("clock")
        made = uuid1(*args, **kwargs) if site is None else uuid.UUID(bytes=site.stream(16), version=1)
        recorder.source("clock", "uuid.uuid1", made.hex)
        return made

    uuid.uuid1 = traced_uuid1


def entropy_seed(recorder: Recorder) -> int | None:
    """Return the seed to take in place of the operating system's entropy; None where it isn't forced."""
    site = recorder.forced("entropy")
    return None if site is None else site.number()


def _random(recorder: Recorder) -> None:
    """Hook the module's functions, which draw from its global generator, and the seeding of others."""
    _global_random(recorder)
    for name in DRAWS:
        if hasattr(random, name):
            setattr(random, name, _draw(recorder, name, getattr(random, name)))
    seed = random.seed

    @functools.wraps(seed)
    def traced_seed(a: Any = None, version: int = 2) -> None:
        if recorder.within():
            return seed(a, version)
        unseeded = a is None
        a = entropy_seed(recorder) if unseeded else a
        known = {"seed": a if isinstance(a, (int, float, str, bytes, bytearray)) else None}
        facts = {"generator": GLOBAL, "unseeded": unseeded}
        recorder.flow("seed", "random.seed", lambda: seed(a, version), lambda: ({}, facts), lambda _: known)
        if unseeded:
            recorder.source("entropy", "random.seed", repr(random.getstate()), "a seed of its own", {"via": []})
        recorder.generators.seeded.discard(GLOBAL) if unseeded else recorder.generators.seeded.add(GLOBAL)
        return None

    random.seed = traced_seed
    random.setstate = recorder.generators.restoring(GLOBAL, random.setstate)
    _random_class(recorder)


def _global_random(recorder: Recorder) -> None:
    """Watch the global generator, which Python seeds anew in every forked child."""
    generator: random.Random = random._inst
    seed = random.seed
    forced = recorder.force.at_generator(GLOBAL)

    def save() -> Callable[[], object]:
        return functools.partial(generator.setstate, generator.getstate())

    def at_fork() -> None:
        if forced:
            seed(NUMBER)

    at_fork()
    recorder.generators.add(GLOBAL, random_state(generator), save, at_fork)


def _draw(recorder: Recorder, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a traced function of the module `random`."""
    in_place, lasting = name == "shuffle", name not in _OF_ITEMS
    blocks, within, caller, thread = recorder.blocks, recorder.within, sys._getframe, threading.get_ident
    lines: dict[int, Block] = {}

    @functools.wraps(original)
    def traced(*args: Any, **kwargs: Any) -> Any:
        frame = caller(1)
        block = lines.get(frame.f_lineno)
        # Every draw of a long loop comes by here: nothing is called that needn't be.
        if block is not None and block.code is frame.f_code and not recorder.depth and thread() == blocks.thread:
            if lasting and block.count and block.count < _LAST and not args and not kwargs:
                result = original()
                block.items.append(result)
                block.count += 1
                return result
            return blocks.call(block, original, args, kwargs, in_place)
        if within():
            return original(*args, **kwargs)
        key = (id(frame.f_code), frame.f_lineno, name)
        block = blocks.of(key)
        if block is not None:
            block.code = frame.f_code
            lines[frame.f_lineno] = block
            return blocks.call(block, original, args, kwargs, in_place)
        facts = recorder.generators.facts(GLOBAL)

        def describe() -> Any:
            return {"arguments": (args, kwargs), "generator": recorder.generators.state(GLOBAL)}, facts

        shuffled = (lambda _: {"result": args[0]}) if in_place else None
        call = functools.partial(original, *args, **kwargs)
        return recorder.flow("draw", f"random.{name}", call, describe, shuffled, key=key)

    return traced


def _random_class(recorder: Recorder) -> None:
    """Hook generators of the script's own: how they are seeded, and what they draw."""
    plain = random.Random.seed
    born: weakref.WeakKeyDictionary[random.Random, Place | None] = weakref.WeakKeyDictionary()

    @functools.wraps(plain)
    def seed(self: random.Random, a: Any = None, version: int = 2) -> None:
        system = isinstance(self, random.SystemRandom)
        if system or recorder.within() or not recorder.places.near_own():
            return plain(self, a, version)
        born.pop(self, None)
        if a is not None:
            facts = {"generator": "a random.Random", "object": True}
            call = functools.partial(plain, self, a, version)
            recorder.flow("seed", "random.Random.seed", call, lambda: ({}, facts), lambda _: {"seed": _plain(a)})
            return None
        plain(self, entropy_seed(recorder), version)
        born[self] = recorder.places.find()
        recorder.source("entropy", "random.Random()", repr(self.getstate()), "an unseeded random.Random", {"via": []})
        return None

    random.Random.seed = seed  # type: ignore[method-assign]
    for name in ("random", "getrandbits", *DRAWS):
        if hasattr(random.Random, name):
            setattr(random.Random, name, _method(recorder, name, getattr(random.Random, name), born))


def _plain(seed: Any) -> Any:
    """Return a seed as a value, if it is one."""
    return seed if isinstance(seed, (int, float, str, bytes, bytearray)) else None


def _method(
    recorder: Recorder, name: str, original: Callable[..., Any], born: Mapping[random.Random, Place | None]
) -> Callable[..., Any]:
    """Return a traced method of `random.Random`."""

    @functools.wraps(original)
    def traced(self: random.Random, *args: Any, **kwargs: Any) -> Any:
        # Libraries have generators of their own for names of files: those are no part of a result.
        if isinstance(self, random.SystemRandom) or recorder.within() or not recorder.places.called_by_own():
            return original(self, *args, **kwargs)
        frame = sys._getframe(1)
        key = (id(frame.f_code), frame.f_lineno, name)
        block = recorder.blocks.of(key)
        if block is not None:
            bound = functools.partial(original, self)
            return recorder.blocks.call(block, bound, args, kwargs, name == "shuffle")
        kind = type(self).__name__
        facts: dict[str, Any] = {"generator": f"a random.{kind}", "object": True, "seeded": self not in born}

        def describe() -> Any:
            facts["born"], facts["which"] = born_at(born.get(self)), recorder.generators.number(self)
            state = NEVER if self in born else short_digest(repr(self.getstate()).encode())
            return {"arguments": (args, kwargs), "generator": state}, facts

        shuffled = (lambda _: {"result": args[0]}) if name == "shuffle" else None
        call = functools.partial(original, self, *args, **kwargs)
        return recorder.flow("draw", f"random.{kind}.{name}", call, describe, shuffled, key=key)

    return traced


def born_at(place: Place | None) -> list[Any] | None:
    """Return the line at which a generator took its seed from entropy, as it is written to the trace."""
    return None if place is None else [place.file, place.line]


def _reader(recorder: Recorder, kind: str, label: str, original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a traced function that reads something of this process alone; only the user's own reads count."""

    @functools.wraps(original)
    def traced(*args: Any, **kwargs: Any) -> Any:
        value = original(*args, **kwargs)
        if recorder.busy():
            return value
        by_library = kind == "pid" and _is_process_id(sys._getframe(1)) and recorder.places.near_own()
        if by_library or recorder.places.called_by_own():
            value = _forced_value(recorder, kind, label, value)
            recorder.source(kind, label, value)
        elif recorder.results and label in _WALL and not _is_ours(sys._getframe(1)):
            # What the call gives that a line of the user's own makes of the library may tell the time.
            recorder.clocks += 1
            value = _forced_value(recorder, kind, label, value)
        return value

    return traced


def _is_process_id(frame: FrameType) -> bool:
    """Whether a frame is that of `multiprocessing.current_process().pid`, which asks on behalf of its caller."""
    return frame.f_code.co_name == "ident" and frame.f_globals.get("__name__") == "multiprocessing.process"


def _is_ours(frame: FrameType) -> bool:
    """Whether a frame is one of the tracer's: it has been asked itself, and asks further."""
    return frame.f_globals.get("__package__") == __package__


def _forced_value(recorder: Recorder, kind: str, label: str, value: Any) -> Any:
    """Return what a reader gives: what it read, unless that is forced here."""
    if kind not in recorder.force:
        return value
    if kind == "clock":
        place = recorder.places.find()
        site = recorder.force.at(kind, place)
        return recorder.force.clock(label, value, site, None if place is None else (place.file, place.line))
    return value if recorder.forced(kind) is None else NUMBER


def _reader_of_now(recorder: Recorder, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a traced function of `time` that speaks of now where it is told of no instant."""
    needed = 2 if name == "strftime" else 1
    gmtime = time.gmtime

    @functools.wraps(original)
    def traced(*args: Any) -> Any:
        # A library may ask for today on behalf of a line of the script's, as resolvers of a configuration do.
        told = len(args) >= needed
        if told or recorder.busy() or _is_ours(sys._getframe(1)):
            return original(*args)
        site = recorder.forced("clock")
        if site is not None:
            instant = site.later(EPOCH)
            args = (*args, gmtime(instant) if name in ("strftime", "asctime") else instant)
        value = original(*args)
        recorder.source("clock", f"time.{name}", str(value))
        return value

    return traced


def _clocks(recorder: Recorder) -> None:
    """Hook clocks and process ids."""
    for name in CLOCKS:
        setattr(time, name, _reader(recorder, "clock", f"time.{name}", getattr(time, name)))
    for name in NOW:
        setattr(time, name, _reader_of_now(recorder, name, getattr(time, name)))
    for name in ("getpid", "getppid", "getpgrp", "getpgid", "getsid"):
        setattr(os, name, _reader(recorder, "pid", f"os.{name}", getattr(os, name)))


def _listings(recorder: Recorder, reverse: bool) -> None:
    """Hook directory listings; on request they come in reverse, an order that another file system may give."""
    listdir, scandir = os.listdir, os.scandir

    def ordered(label: str, found: list[Any], name: Callable[[Any], str]) -> list[Any]:
        if reverse and recorder.places.find(2) is not None:
            found = found[::-1]
        if recorder.forced("listing") is not None:
            found = sorted(found, key=name)
        if len(found) > 1:
            names = [name(one) for one in found]
            recorder.source("listing", label, names, ", ".join(names))
        return found

    @functools.wraps(listdir)
    def traced_listdir(*args: Any, **kwargs: Any) -> Any:
        return ordered("os.listdir", listdir(*args, **kwargs), str)

    def traced_scandir(*args: Any, **kwargs: Any) -> _Listing:
        with scandir(*args, **kwargs) as entries:
            found = list(entries)
        return _Listing(ordered("os.scandir", found, lambda entry: str(entry.name)))

    os.listdir = traced_listdir
    os.scandir = functools.wraps(scandir)(traced_scandir)  # type: ignore[assignment]


def _temporary_names(recorder: Recorder) -> None:
    """Hook the names of temporary files: they need not matter, but their order may decide something."""
    following = tempfile._RandomNameSequence.__next__  # type: ignore[attr-defined]

    @functools.wraps(following)
    def traced(self: Any) -> str:
        name: str = following(self)
        place = recorder.places.find()
        if place is None or recorder.busy():
            return name
        site = recorder.force.at("entropy", place)
        if site is not None:
            # A twin may have taken a name in the same folder: then the next one is as good, and stands behind it.
            name = f"{site.number():08}"
        recorder.source("entropy", "tempfile", name, facts={"via": []}, place=place._replace(aside=False))
        return name

    tempfile._RandomNameSequence.__next__ = traced  # type: ignore[attr-defined]


class _Listing:
    """What `os.scandir` gives, with entries that were read at once."""

    def __init__(self, found: Iterable[Any]) -> None:
        self._entries = iter(found)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self._entries)

    def __enter__(self) -> _Listing:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget what is left."""
        self._entries = iter(())
