"""Writes down what a traced process does, one JSON line an event, as it happens.

There are three sorts of lines beside the header and the places:

- *flow* events are what must be equal in two runs: draws, seeding, environment steps, forwards, optimizer steps. Each
  has digests of its inputs and outputs;
- *sources* are what may differ from process to process without any harm: the clock, entropy, the order of a set. They
  never make a verdict by themselves; they explain one;
- *files* are what the process changed, or read while it was new: two runs in one folder may disturb each other.

Memory stays bounded: lines leave at once, and what is remembered is one counter for each line of the user's code.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
import weakref
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from typing import Any

from .blocks import Block, Blocks
from .content import Uncompared, digest, sample, short
from .force import Forced, ForcedSite
from .generators import NEVER, Entropy, Generators, short_digest
from .place import Place, Places
from .redaction import redacted
from .trace_file import TraceFile

PARENT, SLOT = "SAC_WHY_PARENT", "SAC_WHY_SLOT"
"""For children: which process has started them; and as which of its children, where it could tell them."""

VERSION = 3
RANKS = ("RANK", "LOCAL_RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID")
"""Variables in which launchers of distributed programs tell a process which one it is."""

SOURCES_A_PLACE = 100
"""Sources written for one line of code; a clock in a loop would fill the file otherwise."""

COMPLETIONS_A_PLACE = 2000
"""The same of what workers hand over: their order may be the same for long, and then change."""

_IN_ANY_ORDER = ("completion", "arrival")

FILES = 10_000
"""Files that are remembered, and written, for one process."""

SHOWN = 5
"""Parts of one value that are named as not compared."""

_clock = time.time
Described = tuple[Mapping[str, Any], Mapping[str, Any]]


_current: list[Recorder] = []


def _readable(read: Callable[[], Any], otherwise: Any) -> Any:
    """Return what can be read of the script's own objects, whose methods may raise anything."""
    try:
        return read()
    except Exception:
        return otherwise


def current() -> Recorder:
    """Return the recorder of this process."""
    return _current[0]


class Recorder:
    """The trace of one process; its children write files of their own beside it."""

    def __init__(self, path: str, root: str, until: int = 0, seconds: float = 0.0) -> None:
        self.path, self.places = path, Places(root)
        self._until, self._end = until, _clock() + seconds if seconds else 0.0
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()
        self._local = threading.local()
        self._occurrences: dict[tuple[Any, ...], int] = defaultdict(int)
        self._known: dict[Place, int] = {}
        self._touched: set[tuple[str, str]] = set()
        self._flows = 0
        self._children = 0
        self._file = TraceFile(path)
        self.id, self.parent = "", ""
        """Name of this process among those of the run, and of the one that started it; empty for the first."""
        self.entropy = Entropy()
        self.generators, self.force = Generators(), Forced()
        self.blocks = Blocks(lambda: next(self._numbers), self._write_block, self._state_if_known)
        self.depth = 0
        """Nonzero while some thread is inside of the tracer, or of an event that counts as one: look closer then."""
        self.closely = -1
        """Events after which none is put into a block any more; never if it is negative."""
        self.stress: frozenset[str] = frozenset()
        """What is made to differ in this process, as `vary` and the hooks understand it."""
        self.calls: dict[Any, Callable[..., Any]] = {}
        """Functions whose names stay bound to them -> what the user's own lines call in their place."""
        self.unseeded: MutableMapping[Any, Place | None] = weakref.WeakKeyDictionary()
        """Generators of the script's own, of torch, that took their seed from entropy -> the line."""
        self.watch: Callable[[str], None] | None = None
        self.arrivals = False
        """Whether it is noted in which order threads and tasks change things."""
        self.results = False
        """Whether it is noted what each call of the user's own lines gives."""
        self.clocks = 0
        """Readings of the wall clock by libraries, counted while that is noted."""
        self.racing: set[str] = set()
        """What may come in any order in this process: `threads`, `tasks`, `processes`."""
        _current[:] = [self]

    def __reduce__(self) -> tuple[Callable[[], Recorder], tuple[()]]:
        # Classes of `__main__` are pickled by value for workers, hooked methods and all: there they find their own.
        return current, ()

    # ------------------------------------------------------------------ processes

    def open(self, header: Mapping[str, Any]) -> None:
        """Create the file, which nobody else has, and write its header.

        The first process of a run writes to the path itself; all others to files of their own beside it.
        """
        self.id = f"{os.getpid()}-{time.time_ns():x}"
        self._file.open(self.id, first=not self.parent)
        self.places.anywhere = bool(header.get("worker"))
        known = {"id": self.id, "parent": self.parent, "pid": os.getpid(), "ppid": os.getppid(), "start": _clock()}
        rank = next((os.environ[name] for name in RANKS if name in os.environ), None)
        os.environ[PARENT] = self.id
        self._file.put({"trace": VERSION, "root": self.places.root, "rank": rank, **known, **header})

    def before_fork(self) -> None:
        """Count the children: the order of their creation is their identity."""
        if not self.launching():
            self._children += 1

    def after_fork(self) -> None:
        """Go on in a file of the child's own, with nothing counted yet."""
        slot, self._children = self._children, 0
        launching = self.launching()
        self._lock, self._local = threading.RLock(), threading.local()
        self._numbers, self._flows = itertools.count(1), 0
        self._known.clear()
        self._touched.clear()
        self.racing.clear()
        self._occurrences.clear()
        self.generators.after_fork()
        self.blocks.forget()
        if self._file.closed:
            return
        # Nothing is recorded until the child's own file is there; the opening of it least of all.
        self._file.close()
        if not launching:
            self.parent = self.id
            self.open({"worker": True, "slot": slot})

    def launching(self) -> bool:
        """Whether this thread starts a program: a fork is a step on the way then, and no process of the script's."""
        return getattr(self._local, "launching", False)

    @contextmanager
    def launch(self) -> Iterator[str]:
        """Count a child that is a new program, and give what it must find in its environment as `SLOT`."""
        self._children += 1
        self._local.launching = True
        try:
            yield f"{self.id}:{self._children}"
        finally:
            self._local.launching = False

    def mark(self, **said: Any) -> None:
        """Write a line about the whole process."""
        self._file.put(said)

    def race(self, kind: str, place: Place) -> None:
        """Note once that several threads, tasks or processes are at work, and the line that started them."""
        if kind not in self.racing and not self.busy():
            self.racing.add(kind)
            with self._lock:
                self._file.put({"racing": kind, "at": self._number(place)})

    def started(self, pid: int, arguments: Sequence[str], place: Place) -> None:
        """Write that a program was started."""
        with self._lock:
            words = [part[:200] for part in redacted(arguments[:20])]
            self._file.put({"started": pid, "arguments": words, "at": self._number(place)})

    def close(self, how: str = "end") -> None:
        """Write the last line."""
        if not self._file.closed:
            self.blocks.flush()
            drawn = _readable(lambda: sorted(self.generators.drawn()), None)
            self._file.put({"end": how, "flows": self._flows, "drawn": drawn})
            self._file.close()

    # ------------------------------------------------------------------ events

    def look_closely(self, after: int) -> None:
        """Write each event by itself after so many events; never if the number is negative."""
        self.closely = after
        if after == 0:
            self.blocks.close()

    def begin_task(self) -> None:
        """Note that a pool's worker goes on to its next task: no block holds events of two."""
        with self.quiet():
            self.blocks.restart()

    def busy(self) -> bool:
        """Whether this thread is inside the tracer, or in an event that counts as one whole."""
        return self._file.closed or getattr(self._local, "quiet", 0) > 0

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Record nothing in here."""
        local = self._local
        local.quiet = getattr(local, "quiet", 0) + 1
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1
            local.quiet -= 1

    def flow(
        self,
        kind: str,
        name: str,
        function: Callable[[], Any],
        describe: Callable[[], Described],
        outputs: Callable[[Any], Mapping[str, Any]] | None = None,
        whole: bool = True,
        place: Place | None = None,
        watch: bool = False,
        key: Hashable = None,
    ) -> Any:
        """Call `function` and write what went in and came out; returns what it returned.

        Args:
            kind: sort of event, for example `env.step`.
            name: the function's own name.
            function: what the script wanted to be done.
            describe: inputs, and facts that are no inputs; evaluated before the call.
            outputs: outputs to digest; the result itself if not given.
            whole: no flow event inside of this one is written.
            place: where it happens; found on the stack if not given.
            watch: the global generators that move meanwhile are inputs too.
            key: under which later events like this one may be put into blocks.
        """
        place = place or self.places.find()
        if place is None or place.aside:
            return function()
        with self.quiet():
            event, facts = self._enter(kind, name, place, describe)
            before = self.generators.states() if watch else {}
            seeded = frozenset(self.generators.seeded)
        stack = self._stack()
        event["p"] = stack[-1] if stack else 0
        stack.append(event["n"])
        try:
            result = self._run(function, whole)
        finally:
            stack.pop()
        with self.quiet():
            found = _readable(lambda: {"result": result} if outputs is None else outputs(result), None)
            event["out"] = self._digests(event, found)
            event["v"] = _readable(lambda: {key: sample(value) for key, value in (found or {}).items()}, {})
            self._finish(event, {**facts, **self._moved(event, before, seeded)})
            if key is not None and not stack:
                self.blocks.saw(key, f"{kind} {name}", place, facts)
        return result

    def _enter(
        self, kind: str, name: str, place: Place, describe: Callable[[], Described]
    ) -> tuple[dict[str, Any], Mapping[str, Any]]:
        """Begin a flow event with what goes into it; returns it, and its facts."""
        if kind == "seed":
            self.generators.drawn()
            self.blocks.reopen()
        event = self._begin(kind, name, place)
        # What can't be read must not stop the script: the event then says so.
        inputs, facts = _readable(describe, (None, {}))
        event["in"] = self._digests(event, inputs)
        return event, facts

    def _write_block(self, block: Block, count: int, content: str) -> None:
        """Write a block of events."""
        with self.quiet():
            event = {**self._begin("block", block.name, block.place), "n": block.number, "p": 0}
            event["in"] = {"generator": block.state} if block.state else {}
            event["out"] = {"results": content}
            self._finish(event, {**block.facts, "count": count})

    def _digests(self, event: dict[str, Any], values: Mapping[str, Any] | None) -> dict[str, str]:
        """Return a digest of each value, and note in the event what could not be read of them."""
        found: dict[str, str] = {}
        if values is None:
            event.setdefault("nc", []).append(["", "unreadable"])
            return {"unreadable": ""}
        for name, value in values.items():
            uncompared: Uncompared = []
            found[name] = digest(value, uncompared)
            if uncompared:
                event.setdefault("nc", []).extend([f"{name}{path}", kind] for path, kind in uncompared[:SHOWN])
        return found

    def _moved(self, event: dict[str, Any], before: dict[str, bytes], seeded: frozenset[str]) -> Mapping[str, Any]:
        """Add the generators that an event has moved to its inputs, and return them as a fact."""
        moved = list(self.generators.moved(before))
        event["in"] |= {name: short_digest(before[name]) if name in seeded else NEVER for name in moved}
        return {"moved": {name: name in seeded for name in moved}} if moved else {}

    def _run(self, function: Callable[[], Any], whole: bool) -> Any:
        """Call, with flow events inside left out if asked for; sources are written all the same."""
        if not whole:
            return function()
        local = self._local
        local.whole = getattr(local, "whole", 0) + 1
        self.depth += 1
        try:
            return function()
        finally:
            self.depth -= 1
            local.whole -= 1

    def _state_if_known(self, generator: str) -> str:
        return self.generators.state(generator) if generator in self.generators else ""

    def within(self) -> bool:
        """Whether flow events are to be left out: the tracer is at work, or an outer event counts as one whole."""
        return self.busy() or getattr(self._local, "whole", 0) > 0

    def remember_entropy(self, drawn: bytes) -> None:
        """Remember what was drawn from entropy, and the line: a generator may be made of it."""
        self.entropy.remember(drawn, self.places.find)

    def forced(self, kind: str) -> ForcedSite | None:
        """Return the site at which a kind of source is forced, if this thread stands there."""
        if kind not in self.force or self.busy():
            return None
        return self.force.everywhere(kind) or self.force.at(kind, self.places.find())

    def source(
        self,
        kind: str,
        name: str,
        value: Any,
        shown: Any = None,
        facts: Mapping[str, Any] | None = None,
        place: Place | None = None,
    ) -> None:
        """Write that something was reached that may differ from process to process, here or at another place."""
        if self.busy():
            return
        with self.quiet():
            place = place or self.places.find()
            if place is None or place.aside:
                return
            event = self._begin(kind, name, place)
            if event["c"] > (COMPLETIONS_A_PLACE if kind in _IN_ANY_ORDER else SOURCES_A_PLACE):
                return
            found = _readable(lambda: digest(value), "unreadable")
            event |= {"s": 1, "out": {"value": found}, "shown": short(value if shown is None else shown)}
            stack = self._stack()
            event["p"] = stack[-1] if stack else 0
            event["d"] = int(place.direct)
            if facts:
                event["x"] = facts
            self._file.put(event)

    def touch(self, how: str, path: str, place: Place) -> None:
        """Write once that a file was touched.

        Args:
            how: `write`, `read`, `share` (both), or `folder` for one that was made or removed.
            path: absolute.
            place: the line.
        """
        with self._lock:
            if (how, path) in self._touched or len(self._touched) >= FILES:
                return
            self._touched.add((how, path))
            self._file.put({"file": path, "how": how, "at": self._number(place), "t": round(_clock(), 4)})

    def _begin(self, kind: str, name: str, place: Place) -> dict[str, Any]:
        """Number an event and give it its identity: kind, place and the count of its likes there."""
        with self._lock:
            number = self._number(place)
            # What isn't in an event's identity mustn't be here: it would be counted twice from one.
            key = (kind, name, place.file, place.line, place.chain)
            self._occurrences[key] += 1
            return {"n": next(self._numbers), "k": kind, "f": name, "at": number, "c": self._occurrences[key]}

    def _number(self, place: Place) -> int:
        """Return the number that stands for a place in the trace; a new one is written first."""
        number = self._known.get(place)
        if number is None:
            number = self._known[place] = len(self._known) + 1
            self._file.put({"place": number, **place._asdict()})
        return number

    def _finish(self, event: dict[str, Any], facts: Mapping[str, Any]) -> None:
        """Write a flow event, and stop the process where that was asked for."""
        thread = threading.current_thread()
        named = {} if thread is threading.main_thread() else {"thread": thread.name}
        if facts or named:
            event["x"] = {**facts, **named}
        event["t"] = round(_clock(), 4)
        self._file.put(event)
        self._flows += 1
        if (self._until and self._flows >= self._until) or (self._end and _clock() > self._end):
            self.close("limit")
            # The script's own handlers mustn't run on: it was asked to be cut off here.
            os._exit(0)
        if self._flows == self.closely:
            self.blocks.close()
        if self.watch is not None:
            self.watch(event["k"])

    def _stack(self) -> list[int]:
        """Return the numbers of the events that this thread is in."""
        stack: list[int] = self._local.__dict__.setdefault("stack", [])
        return stack
