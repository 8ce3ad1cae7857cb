"""Proves a cause: runs again with one suspect forced, and sees whether the runs part later, or not at all.

The runs are those of the question, with everything that differed between them; only the suspect gives both the same
value. A suspect whose forcing moves nothing is innocent. They are forced one by one, the likeliest first; where many
are left, all at once, and then halves of them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sac.why.compare import TraceComparison, TraceDivergence
from sac.why.coverage import note_printed
from sac.why.evidence import evidence_of
from sac.why.gain import before, gained, gained_without, moved
from sac.why.launch import TracePlan, run_all
from sac.why.search import Proof, Search, as_divergence
from sac.why.suspect import GLOBALS, PRINTED, Suspect
from sac.why.suspects import suspects_of
from sac.why.tracer.force import IN_FILE

PROOFS = 6
"""Interventions for one divergence, unless the user wants more or fewer."""

ALONE = 2
"""Suspects that are forced alone before all others are forced at once."""

MARGIN = 2000
"""Events behind the divergence up to which the forced runs are compared."""

LEAST, EXTRA = 300, 10.0
"""Fewer events do where so many would take longer than these seconds."""

PARTS = 4
"""Parts of one suspect that are forced alone, once it is proved that all of it together is the cause."""

WINDOW = 5000
"""Events before the divergence from which on each line is watched, where that is needed."""

SLACK = 100
"""Events before a block that differs from which on none is put into a block: more than there are blocks at work."""

AGAIN = 2
"""How often runs must be equal once more, with a suspect forced, where the place moves by itself."""

_TIMED = ("clock", "completion", "arrival")
"""Kinds of sources whose values hang on time; a divergence that hangs on one moves from run to run by itself."""

LONG = 20_000
"""Characters of a setting that stands in a file: one variable of the environment can't hold more than 128 KiB."""

PATIENCE = 3.0
"""How much longer than the question's runs the forced ones may take, as a factor."""


class Prover:
    """Runs a command again with suspects forced."""

    def __init__(self, plan: TracePlan, runs: int, seconds: float, until: float = float("inf")) -> None:
        self._plan, self._runs, self._seconds, self._until = plan, runs, seconds, until
        self._made = 0
        self.known: tuple[Suspect, ...] = ()
        """Causes that were proved before, and stay forced."""

    def search(self, comparison: TraceComparison, most: int) -> Search:
        """Look for the cause of a divergence, with at most so many interventions."""
        self._plan = replace(self._plan, lines="", closely="")
        if most:
            comparison = self._closely(comparison)
            comparison = self._by_lines(comparison) if _unexplained(comparison) else comparison
            comparison = self._by_arrival(comparison) if _interleaved(comparison) else comparison
        divergence = comparison.divergence
        if divergence is None:
            return Search([], comparison)
        found = Search(suspects_of(evidence_of(comparison, divergence)), comparison)
        self._force(found, most)
        if most and _open(found):
            found = self._by_results(found, most)
        if found.proof is not None and _vague(found.proof, divergence):
            self._refine(found)
        if found.proof is not None and len(found.proof.suspect.parts) > 1:
            found.proof = self._part(found, found.proof)
        return found

    def _force(self, found: Search, most: int) -> None:
        """Force one suspect after the other, until one is proved to be the cause."""
        left = list(found.suspects)
        while left and found.proof is None and self._may(found, most):
            # The likeliest are tried alone; of many others, all at once tells whether there is any sense in it.
            together = left[:1] if found.spent < ALONE and found.spent < most - 1 else left
            if found.spent == 1:
                # Two sources of one kind, such as a weight and a bias that nobody has written: neither alone moves it.
                # What stands for a whole family, such as all that hashes, would speak for whoever is named with it.
                alike = (one for one in found.suspects if one.cause == found.suspects[0].cause)
                together = [one for one in alike if not one.environment]
                together = together if len(together) > 1 and together[0] in found.innocent else left[:1]
            found.proof = self._try(found, together)
            if found.proof is None:
                found.innocent += [one for one in together if one not in found.innocent]
                left = [one for one in left if one not in together]
            elif len(together) > 1:
                found.proof = self._narrow(found, found.proof, together)
        if found.proof is None and len(found.suspects) > 1 and self._may(found, most):
            # Two causes at one place: neither alone moves it.
            found.proof = self._try(found, found.suspects)
            if found.proof is not None:
                found.innocent.clear()
                found.proof = self._narrow(found, found.proof, found.suspects)

    def _closely(self, comparison: TraceComparison) -> TraceComparison:
        """Run again without blocks near the divergence, if a block differs; else return what was compared."""
        divergence = comparison.divergence
        if divergence is None or "block" not in (divergence.event.a.kind, *(one.kind for one in divergence.alone)):
            return comparison
        position = before(comparison, divergence)
        self._plan = replace(self._plan, closely=str(max(0, (position or 0) - SLACK)))
        again = self.run([], None if position is None else position + MARGIN)
        return again if again.divergence is not None and again.compared else comparison

    def _by_lines(self, comparison: TraceComparison) -> TraceComparison:
        """Run again with each line near the divergence watched, and compare that; the old if they are equal then."""
        divergence = comparison.divergence
        position = None if divergence is None else before(comparison, divergence)
        if position is None:
            return comparison
        self._plan = replace(self._plan, lines=json.dumps(max(1, position - WINDOW)))
        again = self.run([], position)
        if again.divergence is None or not again.compared:
            self._plan = replace(self._plan, lines="")
            return comparison
        return again

    def _by_arrival(self, comparison: TraceComparison) -> TraceComparison:
        """Run again with the order noted in which threads and tasks change things; the old if they are equal then."""
        divergence = comparison.divergence
        if divergence is None:
            return comparison
        self._plan = replace(self._plan, arrivals="1")
        again = self._watched(comparison, divergence)
        self._plan = replace(self._plan, arrivals="")
        return again or comparison

    def _watched(self, comparison: TraceComparison, divergence: TraceDivergence) -> TraceComparison | None:
        """Run again as the plan says, with nothing forced; None if the runs are equal then."""
        again = self.run([], _end_of(comparison, divergence))
        if divergence.event.a.kind == PRINTED and again.unseen and again.divergence is None:
            again = replace(as_divergence(again), notes=comparison.notes, unseen=comparison.unseen)
        compared = again.compared or divergence.event.a.kind == PRINTED
        return None if again.divergence is None or not compared else again

    def _by_results(self, found: Search, most: int) -> Search:
        """Look at what each call gives, and at the sets that are handed over; the old search if that tells no more."""
        self._plan = replace(self._plan, results="1")
        again = self._watched(found.comparison, found.divergence)
        if again is None or again.divergence is None:
            self._plan = replace(self._plan, results="")
            return found
        known = {repr(one.force) for one in (found.suspects if found.proof is None else found.innocent)}
        fresh = [one for one in suspects_of(evidence_of(again, again.divergence)) if repr(one.force) not in known]
        closer = Search([one for one in fresh if one.force and not one.weak], again)
        self._force(closer, most)
        found.spent += closer.spent
        if closer.proof is None:
            self._plan = replace(self._plan, results="")
            found.suspects += [one for one in closer.suspects if one.cause != "outside-value"]
            return found
        closer.spent = found.spent
        if found.proof is not None and closer.proof.suspect.cause == "outside-value":
            # It goes where strings hash alike: what the call tells is made of their hashes.
            cause = "seed-from-hash" if evidence_of(again, again.divergence).seeds else "hash-value"
            closer.proof = replace(closer.proof, suspect=replace(closer.proof.suspect, cause=cause))
        return closer

    def _refine(self, found: Search) -> None:
        """Find the line that draws first from a global generator of which it is proved that it should be seeded."""
        again = self._by_lines(found.comparison)
        if found.proof is None or again is found.comparison or again.divergence is None:
            return
        generator = found.proof.suspect.generator
        alike = (one for one in suspects_of(evidence_of(again, again.divergence)) if one.generator == generator)
        nearer = next(alike, None)
        if nearer is not None:
            found.comparison = again
            found.proof = replace(found.proof, suspect=nearer)

    def _part(self, found: Search, proof: Proof) -> Proof:
        """Return the proof of one part of a suspect, if one alone is enough: of all memory, the line that matters."""
        if proof.others:
            return proof
        for part in proof.suspect.parts[:PARTS]:
            closer = self._try(found, [part])
            if closer is not None:
                return closer
        return proof

    def _may(self, found: Search, most: int) -> bool:
        return found.spent < most and time.monotonic() < self._until

    def _narrow(self, found: Search, proof: Proof, guilty: list[Suspect]) -> Proof:
        """Halve a set of suspects of which one at least is guilty, until what is left is needed.

        However many interventions that takes: an innocent must not be named for having been forced with the guilty.
        """
        while len(guilty) > 1:
            middle = (len(guilty) + 1) // 2
            for half, rest in ((guilty[:middle], guilty[middle:]), (guilty[middle:], guilty[:middle])):
                closer = self._try(found, half)
                if closer is not None:
                    found.innocent += rest
                    guilty, proof = half, closer
                    break
            else:
                return self._needed(found, proof, guilty)
        return proof

    def _needed(self, found: Search, proof: Proof, guilty: list[Suspect]) -> Proof:
        """Leave out of a set, some of both halves of which are needed, whoever isn't."""
        for one in reversed(guilty):
            others = [other for other in guilty if other is not one]
            closer = self._try(found, others) if len(others) > 1 else None
            if closer is not None:
                found.innocent.append(one)
                guilty, proof = others, closer
        return proof

    def _try(self, found: Search, suspects: Sequence[Suspect]) -> Proof | None:
        """Force suspects; returns the proof if the runs then part later."""
        found.spent += 1
        again = self._again(found, suspects)
        more = _gain(found, suspects, again)
        if more is None or not self._holds(found, suspects, more, again):
            return None
        return Proof(suspects[0], tuple(suspects[1:]), more, _whole(again), again)

    def _holds(self, found: Search, suspects: Sequence[Suspect], more: int, again: TraceComparison) -> bool:
        """Whether it was the suspects' forcing that moved the place, and not chance.

        Where the place moves by itself, as in a race, or where a number from outside says how long a loop is, whoever
        was forced has moved nothing. There is one try with nothing forced, which is not counted as an intervention.
        """
        weak = any(one.weak for one in suspects)
        timed = any(pair.a.kind in _TIMED for pair in found.divergence.sources) or bool(_racing(found.comparison))
        by_itself = 0.0
        if weak or timed or again.divergence is not None:
            by_itself = self._moved_by_itself(found)
        if by_itself == float("inf") or (again.divergence is not None and by_itself):
            return False
        if more <= by_itself and not _whole(again):
            # How far they are equal now wasn't looked at beyond the place to which they move by themselves.
            farther = _gain(found, suspects, self._again(found, suspects, int(by_itself)))
            if farther is None or farther <= by_itself:
                return False
        # Chance rarely strikes often: what can be had by it must come again.
        often = AGAIN if by_itself else int(weak or not _drawn(found.comparison))
        return all(self._comes_again(found, suspects, again) for _ in range(often))

    def _comes_again(self, found: Search, suspects: Sequence[Suspect], first: TraceComparison) -> bool:
        """Whether the runs part later with suspects forced, once more; or not at all, if they didn't at first."""
        again = self._again(found, suspects)
        as_far = again.divergence is None or first.divergence is not None
        return as_far and _gain(found, suspects, again) is not None

    def _moved_by_itself(self, found: Search) -> float:
        """Return by how many events the runs part later in another try with nothing forced."""
        if found.by_itself is None:
            again = self._again(found, [])
            if again.divergence is None and "limit" in (again.a.end, again.b.end):
                # They were cut off before they could part, as they do somewhere.
                again = self.run([])
            found.by_itself = moved(found.comparison, found.divergence, again)
        return found.by_itself

    def _again(self, found: Search, suspects: Sequence[Suspect], beyond: int = 0) -> TraceComparison:
        """Run again as far as the divergence needs, or so many events farther, with suspects forced."""
        end = _end_of(found.comparison, found.divergence)
        return self.run(suspects, None if end is None else end + beyond)

    def run(self, forced: Sequence[Suspect], position: int | None = None) -> TraceComparison:
        """Run again with suspects forced, and the causes that are known already.

        Args:
            forced: the suspects.
            position: events up to the divergence, so that the runs can be stopped soon behind it; None for all of them.
        """
        self._made += 1
        forced = (*self.known, *forced)
        force = [entry for one in forced for entry in one.force]
        alike = {name: value for one in forced for name, value in one.environment.items()}
        plan = replace(
            self._plan,
            folder=self._plan.folder / f"proof{self._made}",
            force=_setting(force, self._plan.folder / f"force{self._made}.json"),
            until=self._cut(position),
            variations=[_alike(variation, alike) for variation in self._plan.variations],
            prefix=f"proof{self._made}-{self._plan.prefix}",
            patience=self._seconds * PATIENCE + 20,
        )
        plan.folder.mkdir(parents=True, exist_ok=True)
        made, twins = run_all(plan, self._runs)
        again = twins[-1].comparison()
        again.failed = any(run.trouble or run.lost for run in (made[0], made[-1]))
        if again.a.complete and again.b.complete:
            printed = ("what is printed", made[0].output, made[-1].output)
            note_printed(again, [printed, ("the errors printed", made[0].errors, made[-1].errors)])
        return again

    def _cut(self, position: int | None) -> int:
        """Return after how many events a run is cut off: soon behind the divergence, and never later than was asked."""
        if position is None:
            return self._plan.until
        rate = position / self._seconds if self._seconds else MARGIN
        cut = position + min(MARGIN, max(LEAST, int(rate * EXTRA)))
        return min(cut, self._plan.until) if self._plan.until else cut


def _setting(force: Sequence[Mapping[str, object]], file: Path) -> str:
    """Return entries for `tracer.force` as an environment can hold them: what is long is left in a file."""
    text = json.dumps(force)
    if len(text) < LONG:
        return text
    file.write_text(text, encoding="utf-8")
    return f"{IN_FILE}{file.resolve()}"


def _end_of(comparison: TraceComparison, divergence: TraceDivergence) -> int | None:
    """Return how many events there are up to a divergence; None if the runs are to go on to their end."""
    return None if divergence.event.a.kind == PRINTED else before(comparison, divergence)


def _open(found: Search) -> bool:
    """Whether no cause is proved yet, or one of a whole family of which nobody can tell the line."""
    return found.proof is None or (found.proof.suspect.weak and bool(found.proof.suspect.environment))


def _gain(found: Search, suspects: Sequence[Suspect], again: TraceComparison) -> int | None:
    """Return for how many events more the runs are equal with suspects forced; None if they don't part later."""
    more = gained(found.comparison, found.divergence, again)
    consumers = [one.place for one in suspects if one.cause == "consumed-elsewhere"]
    return gained_without(consumers, found.comparison, again) if more is None and consumers else more


def _unexplained(comparison: TraceComparison) -> bool:
    """Whether a seeded global generator had another state before the divergence, and no event tells who moved it."""
    divergence = comparison.divergence
    if divergence is None or divergence.control or divergence.event.a.process:
        return False
    evidence = evidence_of(comparison, divergence)
    unlike = set(divergence.event.inputs)
    shared = "generator" in unlike and not evidence.event.facts.get("object")
    # While threads take turns, a line is not alone in moving it.
    alone = evidence.moved_by is None and evidence.drawing_threads() == 1
    return alone and (shared or bool(unlike & set(GLOBALS)))


def _whole(again: TraceComparison) -> bool:
    """Whether runs are equal to their ends, and those are no failures."""
    return again.divergence is None and not again.failed and again.a.complete and again.b.complete


def _racing(comparison: TraceComparison) -> set[str]:
    """Return what was at work at once, threads, tasks or processes: their order differs from run to run."""
    return {kind for trace in (comparison.a, comparison.b) for one in trace.processes for kind in one.racing}


def _interleaved(comparison: TraceComparison) -> bool:
    """Whether threads or tasks took turns within a process, and may have parted the runs by that."""
    return bool(_racing(comparison) & {"threads", "tasks"}) and not _drawn(comparison)


def _drawn(comparison: TraceComparison) -> bool:
    """Whether the runs part where something is drawn from a generator that nobody has seeded."""
    divergence = comparison.divergence
    return divergence is not None and divergence.event.a.facts.get("seeded") is False


def _vague(proof: Proof, divergence: TraceDivergence) -> bool:
    """Whether a global generator is the cause, but the diverging event is not the one that drew from it first."""
    facts = divergence.event.a.facts
    named = {facts.get("generator"), *facts.get("moved", {})}
    first = proof.suspect.generator in named and not facts.get("drawn")
    return bool(proof.suspect.generator) and not first and not divergence.event.a.process


def _alike(variation: Mapping[str, str], alike: Mapping[str, str]) -> Mapping[str, str]:
    return {**variation, **alike}
