"""What may have parted two runs, the likeliest first: nothing of it is called a cause before `proof` has forced it.

Each rule here tells of one kind of evidence what it speaks for.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from sac.why.compare import Pair
from sac.why.event import Event
from sac.why.evidence import Evidence
from sac.why.suspect import GLOBALS, PRINTED, Suspect
from sac.why.tracer.place import Place

_INDICES = ("randint", "choice", "integers", "permutation", "shuffle", "sample", "randperm", "choices", "random_")
_ENV = ("env.reset", "env.step", "vector.reset", "vector.step", "env.make")
_RESET = ("env.reset", "vector.reset")
_KINDS = {
    "state": "unseeded-global",
    "set-order": "set-order",
    "listing": "listing-order",
    "completion": "completion-order",
    "id": "id-order",
    "uninitialised": "uninitialised",
    "hash": "hash-value",
    "clock": "clock-value",
    "pid": "entropy-value",
    "entropy": "entropy-value",
    "program": "program-output",
}
"""Kind of a source -> what it is called where it is no seed."""
_SEEDS = {kind: f"seed-from-{kind}" for kind in ("clock", "pid", "hash", "entropy")}
_GENERATOR = re.compile(
    r"default_rng|RandomState|Generator|SeedSequence|PCG64|MT19937|Philox|SFC64|(?<!System)Random\("
)
_TOLD_NOTHING = re.compile(r"(?<!seeding\.)\b(default_rng|RandomState|Random)\(\s*(None)?\s*\)")
_BATCH = re.compile(r"replay|buffer|storage|batch|indices|index|_?idx|_?inds", re.IGNORECASE)
_IN_ORDER = (
    *("as_completed", "imap_unordered", "asyncio.as_completed", "futures.wait", "asyncio.wait", "connection.wait"),
    "callback",
)
"""Functions whose results can be asked for in the order of submission."""
_OF_TIME = re.compile(r"time|clock|now$|today|date|usage", re.IGNORECASE)
"""Names of functions that tell the time; that one of them decides has been proved by then."""
_ASSIGNED = re.compile(r"\s*((?:[\w.]+ *=(?!=) *)+)")
_DECIDES = re.compile(r"\s*(if|elif|while|assert)\b")


def suspects_of(evidence: Evidence) -> list[Suspect]:
    """List what may have parted two runs, the likeliest first, each once."""
    found: dict[Any, Suspect] = {}
    for one in _all(evidence):
        key = (repr(one.force), repr(one.environment))
        found.setdefault(key, one)
    return _memory_together(list(found.values()))


def _memory_together(suspects: list[Suspect]) -> list[Suspect]:
    """Make one suspect of all memory that nobody has written: by chance, some of it is the same in both runs."""
    memory = [one for one in suspects if one.cause == "uninitialised"]
    if not memory:
        return suspects
    # What a line of the script's asks for itself is rarely written before it is read; what a library asks for, mostly.
    memory.sort(key=lambda one: (not one.place.direct, one.source.a.number if one.source is not None else 0))
    lines = {(one.place.file, one.place.line): one for one in reversed(memory)}
    whole = replace(memory[0], force=({"kind": "uninitialised"},), parts=(*reversed(lines.values()),))
    first = next(one for one in suspects if one in memory)
    return [whole if one is first else one for one in suspects if one is first or one not in memory]


def _all(evidence: Evidence) -> Iterator[Suspect]:
    yield from _threads(evidence)
    moved = evidence.moved_by
    if moved is not None:
        here = _at("restore", moved.place)
        speaks = f"only one run has {moved.described} before {evidence.event.described}"
        yield Suspect("consumed-elsewhere", moved.place, speaks, (here,))
    yield from _event_generators(evidence)
    ranked = sorted(evidence.divergence.sources, key=lambda pair: _rank(evidence, pair))
    ranked = [pair for pair in ranked if not _of_other_seed(evidence, pair)]
    arrivals = [pair for pair in ranked if pair.a.kind == "arrival"]
    there = Counter((pair.a.place.file, pair.a.place.line) for pair in ranked if pair.a.kind == "completion")
    there.update((pair.a.place.file, pair.a.place.line) for pair in arrivals)
    # Where several are taken as they come, or called back and stored, is where their order matters: two make an order.
    taken = (pair for pair in ranked if pair.a.kind == "completion")
    yield from (_of_source(evidence, one) for one in taken if there[one.a.place.file, one.a.place.line] > 1)
    yield from map(_of_arrival, arrivals)
    if evidence.event.kind == PRINTED:
        yield from _globals(evidence)
    yield from (_of_source(evidence, pair) for pair in ranked if pair.a.kind in _KINDS)
    # Whether arguments that can't be read were equal is not known.
    for pair in sorted(filter(_is_result, ranked), key=lambda one: bool(one.a.facts.get("unread"))):
        if pair.a.facts.get("timed"):
            yield _of_clock_within(evidence, pair)
        yield _of_result(evidence, pair)
    yield from (replace(one, weak=True) for one in _families(evidence))


def _of_other_seed(evidence: Evidence, pair: Pair) -> bool:
    """Whether a `RandomState` asked for entropy while it was made, and was given a seed then."""
    event, source = evidence.event, pair.a
    here = (source.place.file, source.place.line) == (event.place.file, event.place.line)
    seeded = event.kind == "seed" and event.name == "RandomState" and not event.facts.get("unseeded")
    return seeded and here and source.kind == "entropy"


def _at(kind: str, place: Place, **more: Any) -> Mapping[str, Any]:
    return {"kind": kind, "file": place.file, "line": place.line, **more}


# ------------------------------------------------------------------ generators


def _event_generators(evidence: Evidence) -> Iterator[Suspect]:
    """Suspect the generators that nobody has seeded, and that the event has drawn from."""
    event, facts = evidence.event, evidence.event.facts
    if event.kind in ("draw", "space.sample") and facts.get("seeded") is False:
        if facts.get("object"):
            yield _of_object(evidence, event)
        else:
            yield _of_global(evidence, str(facts.get("generator")), event)
    for name, seeded in dict(facts.get("moved", {})).items():
        if not seeded:
            yield _of_global(evidence, name, event)


def _of_object(evidence: Evidence, event: Event) -> Suspect:
    """Suspect a generator of the script's own, or an environment's or a space's, by the line that it was born at."""
    born = event.facts.get("born")
    place = event.place if not born else event.place._replace(file=born[0], line=born[1])
    sources = [pair for pair in evidence.divergence.sources if pair.a.kind == "entropy"]
    pair = next((one for one in sources if (one.a.place.file, one.a.place.line) == (place.file, place.line)), None)
    if pair is not None:
        place = pair.a.place
    cause, at = "unseeded-generator", place
    if evidence.served is not None and _asked_by(pair, "reset", "Env.", "seeding"):
        at = evidence.served.place
        speaks = "an environment in a worker took its seed from the operating system's entropy"
        return Suspect("unseeded-reset", at, speaks, (_at("entropy", place),), source=pair)
    if event.kind == "space.sample":
        cause, at = "unseeded-space", event.place
    elif _TOLD_NOTHING.search(evidence.code(place)) or _seed_was_ignored(evidence):
        # A wrapper, or an environment, makes a generator which no seed of a reset can reach.
        cause, at = "unseeded-generator", place
    elif _asked_by(pair, "reset", "Env.", "seeding") or evidence.outer.kind in _RESET:
        cause, at = "unseeded-reset", _env_line(evidence, pair, place)
    speaks = f"{event.facts.get('generator')} took its seed from the operating system's entropy there"
    return Suspect(cause, at, speaks, (_at("entropy", place),), source=pair)


def _seed_was_ignored(evidence: Evidence) -> bool:
    """Whether the environment that the event lies in was given a seed, which its `reset` did not hand on."""
    env = evidence.outer.facts.get("env") if evidence.outer.kind in _ENV else None
    resets = (evidence.outer, *(flow for flow in evidence.a.flows if flow.number < evidence.event.number))
    seeded = (flow for flow in resets if flow.kind in _RESET and flow.facts.get("seeded"))
    return env is not None and any(flow.facts.get("env") == env for flow in seeded)


def _asked_by(pair: Pair | None, *words: str) -> bool:
    """Whether entropy was asked for by a function of gymnasium's, or of gym's, whose name has one of these words."""
    via = [] if pair is None else pair.a.facts.get("via", [])
    ours = [one for one in via if one.startswith(("gymnasium.", "gym."))]
    if pair is not None and not pair.a.parent and ours[:1] == via[:1] and "seeding:" in "".join(ours[:1]):
        # A line of the script's own made a generator by gymnasium's function, outside of any environment.
        return False
    return any(word in one for one in ours for word in words)


def _env_line(evidence: Evidence, pair: Pair | None, place: Place) -> Place:
    """Return the line of the script's that resets, or makes, the environment which asked for entropy."""
    holders = [flow for flow in (evidence.outer, *evidence.a.flows) if flow.kind in _ENV]
    parent = None if pair is None else pair.a.parent
    holder = next((flow for flow in holders if flow.number == parent), None)
    if holder is None and evidence.outer.kind in _ENV:
        holder = evidence.outer
    return place if holder is None or holder.place.file.startswith("<") else holder.place


def _of_global(evidence: Evidence, name: str, event: Event) -> Suspect:
    """Suspect a global generator that nobody has seeded."""
    cause, place = "unseeded-global", event.place
    in_environment = evidence.outer.kind in _ENV and evidence.outer.number != event.number
    if in_environment and event.place.line != evidence.outer_place.line:
        # An environment of the script's own: a seed that was given to it doesn't reach a global generator.
        in_environment = evidence.outer.kind in _RESET and not evidence.outer.facts.get("seeded")
    if evidence.seeded_later(name):
        cause, place = "seeded-too-late", evidence.outer_place
    elif in_environment or event.kind in _RESET:
        cause, place = "unseeded-reset", evidence.outer_place
    elif event.kind == "module.forward" and event.facts.get("dropout") and not event.facts.get("grad"):
        here = _at("eval", event.place)
        return Suspect("dropout-in-evaluation", place, "dropout is on, and no gradient is taken", (here,))
    elif event.name.rsplit(".", 1)[-1] in _INDICES and _is_batch(evidence, event):
        cause = "unseeded-replay"
    speaks = f"nobody has seeded {name} before"
    force: tuple[Mapping[str, Any], ...] = ({"kind": "generator", "name": name},)
    # Which worker gets which task is a race besides, and would part the runs where all of them are seeded alike.
    force += ({"kind": "serial"},) if evidence.pooled else ()
    return Suspect(cause, place, speaks, force, generator=name)


def _is_batch(evidence: Evidence, event: Event) -> bool:
    """Whether a draw gives the indices of a batch, by the words of its line: not a seed, and not just any numbers."""
    several = any(value.get("count", 1) > 1 for values in event.values.values() for value in values)
    words = f"{event.place.function} {evidence.code(event.place)}"
    return several and event.place.direct and _BATCH.search(words) is not None


# ------------------------------------------------------------------ sources


def _rank(evidence: Evidence, pair: Pair) -> tuple[int, ...]:
    """Order sources: within the event, then those whose value can reach it; deciders first, then the nearest."""
    source = pair.a
    logs = source.kind in ("clock", "entropy", "pid") and not evidence.reaches(source.place)
    decides = bool(_DECIDES.match(evidence.code(source.place)))
    seed = _is_seed(evidence, source)
    # torch itself makes temporary files as it loads its compiler; their names are the last to have mattered.
    idle = source.name == "tempfile" and not source.place.direct
    return (
        idle,
        not evidence.inside(pair),
        not evidence.reaches(source.place),
        not (seed or decides),
        logs and not decides,
        -source.number,
    )


def _is_seed(evidence: Evidence, source: Event) -> bool:
    """Whether something from outside becomes a seed, of a generator that is seen or by the name it is handed on."""
    return source.kind in _SEEDS and (evidence.seeds or evidence.is_called_seed(source))


def _clock(evidence: Evidence) -> str:
    """Return the name of the cause where a clock is: a seed is made of it, or some other value."""
    return "seed-from-clock" if evidence.seeds else "clock-value"


def _of_source(evidence: Evidence, pair: Pair) -> Suspect:
    """Suspect something that came from outside."""
    source, place = pair.a, pair.a.place
    cause = _KINDS[source.kind]
    if source.kind == "state":
        return _of_state(pair)
    if _is_seed(evidence, source) and not evidence.in_condition(source):
        cause = _SEEDS[source.kind]
    if source.kind == "entropy":
        cause, place = _of_entropy(evidence, pair, cause)
    force: tuple[Mapping[str, Any], ...] = (_at(source.kind, source.place),)
    if source.kind == "clock" and not evidence.seeds:
        force = (_at("clock", source.place, relative=True, bases=_read_against(evidence, source)),)
    if source.kind == "program":
        force = (_at("program", source.place, said=source.facts.get("said", "")),)
    if source.kind == "completion" and source.name not in _IN_ORDER:
        # What comes out of a queue has the order in which it was put in.
        force = ({"kind": "serial"},)
    speaks = f"{source.name} gave {source.shown} and {pair.b.shown}"
    return Suspect(cause, place, speaks, force, source=pair, weak=_can_not_reach(evidence, pair))


def _read_against(evidence: Evidence, source: Event) -> list[int]:
    """Return the lines of a file whose reading of the clock a line takes what has passed from, by their names."""
    code, place = evidence.code(source.place), source.place
    places = {pair.a.place for pair in evidence.divergence.sources if pair.a.kind == "clock"}
    lines = {one.line for one in places if one.file == place.file and one.line != place.line}
    written = {line: _ASSIGNED.match(evidence.code(place._replace(line=line))) for line in lines}
    names = {line: found.group(1).replace(" ", "").rstrip("=").split("=") for line, found in written.items() if found}
    return sorted(line for line, those in names.items() if any(_word(one).search(code) for one in those))


def _word(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.]){re.escape(name)}(?!\w)")


def _can_not_reach(evidence: Evidence, pair: Pair) -> bool:
    """Whether no name leads from a source to the event, though both stand in one file: then chance may do as much."""
    source, event = pair.a.place, evidence.event.place
    known = source.file == event.file and bool(evidence.code(source))
    return known and not evidence.inside(pair) and not evidence.reaches(source)


def _of_state(pair: Pair) -> Suspect:
    """Suspect a global generator that nobody has seeded, and whose state is read."""
    name = pair.a.name
    speaks = f"the state of {name} is read, and nobody has seeded it before"
    force = ({"kind": "generator", "name": name},)
    return Suspect("unseeded-global", pair.a.place, speaks, force, source=pair, generator=name)


def _is_result(pair: Pair) -> bool:
    """Whether a call gave another value though its arguments were equal."""
    asked = pair.a.facts.get("in")
    return pair.a.kind == "result" and pair.a is not pair.b and asked == pair.b.facts.get("in")


def _of_result(evidence: Evidence, pair: Pair) -> Suspect:
    """Suspect a call that gave another value though its arguments were equal."""
    source = pair.a
    alike = (one for one in evidence.sources_beside(source) if one.kind == "result" and one.name == source.name)
    here = (one for one in alike if (one.place.file, one.place.line) == (source.place.file, source.place.line))
    values = {one.facts["at"]: one.facts["kept"] for one in here if one.facts.get("kept")}
    within = (one for one in evidence.divergence.sources if one.a.place == source.place and one.a.kind in _KINDS)
    inner = next(within, None)
    cause = "outside-value" if inner is None else _of_source(evidence, inner).cause
    if inner is None and _OF_TIME.search(source.name):
        cause = _clock(evidence)
    force = (_at(f"result:{source.name}", source.place, values=values),)
    speaks = f"{source.name} gave {source.shown} and {pair.b.shown} for equal arguments"
    return Suspect(cause, source.place, speaks, force if values else (), source=pair)


def _of_clock_within(evidence: Evidence, pair: Pair) -> Suspect:
    """Suspect the clock that a library has read while it was called."""
    source = pair.a
    speaks = f"{source.name} reads the clock, and gave {source.shown} and {pair.b.shown}"
    return Suspect(_clock(evidence), source.place, speaks, (_at("clock", source.place),), source=pair)


def _of_arrival(pair: Pair) -> Suspect:
    """Suspect the order in which threads, or tasks of an event loop, change something."""
    cause = "completion-order" if pair.a.name == "tasks" else "thread-order"
    speaks = f"{pair.a.name} come there in another order: {pair.a.shown} and {pair.b.shown}"
    return Suspect(cause, pair.a.place, speaks, ({"kind": "serial"},), source=pair)


def _of_entropy(evidence: Evidence, pair: Pair, cause: str) -> tuple[str, Place]:
    """Name what entropy was asked for."""
    source = pair.a
    if source.name in ("Generator.seed", "random.Random()"):
        return "unseeded-generator", source.place
    if source.name in ("torch.seed", "random.seed"):
        return "seed-from-entropy", source.place
    event = evidence.event
    asked_by = next((flow for flow in evidence.a.flows if flow.number == source.parent and flow.kind == "seed"), event)
    if asked_by is not event and asked_by.facts.get("generator") in GLOBALS:
        return "seed-from-entropy", source.place
    if event.kind == "seed" and event.facts.get("unseeded") and event.facts.get("generator") not in GLOBALS:
        return "unseeded-generator", source.place
    if _asked_by(pair, "Space.", "spaces."):
        return "unseeded-space", source.place
    if _asked_by(pair, "reset", "Env.", "seeding"):
        return "unseeded-reset", _env_line(evidence, pair, source.place)
    if cause == "entropy-value" and _GENERATOR.search(evidence.code(source.place)):
        return "unseeded-generator", source.place
    return cause, source.place


# ------------------------------------------------------------------ threads, arithmetic, what is left


def _threads(evidence: Evidence) -> Iterator[Suspect]:
    """Suspect the order in which threads and workers come."""
    event = evidence.event
    serial = ({"kind": "serial"},)
    trained = "parameters" in evidence.divergence.event.inputs or evidence.computed
    if event.process and evidence.racing_processes is not None and trained:
        yield Suspect("process-race", event.place, "several processes were at work on what they share", serial)
    seeded = event.facts.get("seeded", True)
    if evidence.pooled and event.kind == "draw" and not event.facts.get("object") and seeded:
        yield Suspect("pool-race", event.place, "a worker of a pool draws from what tasks before have moved", serial)
    if evidence.drawing_threads() > 1 and seeded:
        yield Suspect("thread-race", evidence.racing_draw.place, "several threads draw from this generator", serial)
    one, other = evidence.threads()
    if one != other and evidence.computed:
        speaks = f"the runs have {one} and {other} threads"
        yield Suspect("thread-count", evidence.computed_at, speaks, ({"kind": "threads"},), {"OMP_NUM_THREADS": "1"})


def _globals(evidence: Evidence) -> Iterator[Suspect]:
    """Suspect the global generators that nobody has seeded before."""
    # What has never moved has given nobody a number.
    moved = GLOBALS if evidence.drawn is None else evidence.drawn
    unseeded = (name for name in GLOBALS if name in moved and not evidence.seeded_before(name))
    return (_of_global(evidence, name, evidence.event) for name in unseeded)


def _families(evidence: Evidence) -> Iterator[Suspect]:
    """Suspect whole families of what may differ: they are forced where nothing better is known."""
    event, sources = evidence.event, evidence.divergence.sources
    yield from _globals(evidence)
    clocks = {pair.a.place: pair for pair in sources if pair.a.kind == "clock"}
    if clocks:
        pair = min(clocks.values(), key=lambda one: _rank(evidence, one))
        speaks = "the clock is read in several lines"
        yield Suspect(_clock(evidence), pair.a.place, speaks, ({"kind": "clock"},), source=pair)
    completions = [pair for pair in sources if pair.a.kind == "completion"]
    thread = evidence.thread_event()
    if completions:
        pair = completions[0]
        speaks = "results are taken as they come"
        yield Suspect("completion-order", pair.a.place, speaks, ({"kind": "serial"},), source=pair)
    elif thread is not None or "threads" in evidence.a.racing:
        place = evidence.a.racing["threads"] if thread is None else thread.place
        yield Suspect("thread-order", place, "threads were at work before", ({"kind": "serial"},))
    if evidence.racing_processes is not None:
        place = event.place if event.process else evidence.racing_processes
        yield Suspect("process-race", place, "several processes were at work", ({"kind": "serial"},))
    if evidence.computed:
        force = ({"kind": "threads"}, {"kind": "deterministic"})
        yield Suspect("arithmetic", evidence.computed_at, "its inputs were equal", force, {"OMP_NUM_THREADS": "1"})
    hashed = [pair for pair in sources if pair.a.kind in ("set-order", "hash")]
    if not evidence.failed:
        cause = _KINDS[hashed[0].a.kind] if hashed else "set-order"
        cause = _SEEDS["hash"] if cause == "hash-value" and evidence.seeds else cause
        place = hashed[0].a.place if hashed else event.place
        source = hashed[0] if hashed else None
        yield Suspect(cause, place, "strings hash to other numbers", (), {"PYTHONHASHSEED": "1"}, source)
