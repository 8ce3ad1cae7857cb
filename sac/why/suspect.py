"""What may have parted two runs: what it would be called, at which line, and how a run is made to do without it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sac.why.compare import Pair
from sac.why.tracer.place import Place

GLOBALS = {
    "random's global generator": "random.seed(seed)",
    "NumPy's global generator": "np.random.seed(seed)",
    "torch's global generator": "torch.manual_seed(seed)",
}
"""Global generators, and how each is seeded."""

PRINTED = "printed"
"""Kind of the event that stands for what the runs printed, where no other event differs."""


@dataclass(frozen=True)
class Suspect:
    """What may have parted two runs.

    Attributes:
        cause: its name in the catalogue.
        place: the line to be mended.
        speaks: what speaks for it.
        force: entries for `tracer.force`.
        environment: variables that both runs get alike.
        source: what came from outside, with the values of both runs.
        generator: the global generator, if it is one.
        weak: whether nothing but the lack of a better one speaks for it.
        parts: what it is made of, where several are forced at once.
    """

    cause: str
    place: Place
    speaks: str
    force: tuple[Mapping[str, Any], ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    source: Pair | None = None
    generator: str = ""
    weak: bool = False
    parts: tuple[Suspect, ...] = ()

    @property
    def what(self) -> str:
        """What is forced, in words."""
        return f"{_FORCED.get(self.cause, self.cause)} at {self.place.file}:{self.place.line}"

    def to_json(self) -> dict[str, Any]:
        """The suspect as an object for scripts."""
        return {"cause": self.cause, "file": self.place.file, "line": self.place.line, "speaks": self.speaks}


_FORCED = {
    "unseeded-space": "the space's seed",
    "unseeded-reset": "the environment's seed",
    "unseeded-generator": "the generator's seed",
    "unseeded-global": "the global generator's seed",
    "unseeded-replay": "the global generator's seed",
    "seeded-too-late": "the global generator's seed",
    "dropout-in-evaluation": "the module's evaluation mode",
    "consumed-elsewhere": "the generator's state after the draw",
    "set-order": "the set's order",
    "listing-order": "the listing's order",
    "completion-order": "the order of the results",
    "id-order": "the addresses",
    "uninitialised": "the memory",
    "clock-value": "the clock",
    "seed-from-clock": "the clock",
    "seed-from-pid": "the process id",
    "seed-from-hash": "the hash",
    "hash-value": "the hash",
    "seed-from-entropy": "the entropy",
    "entropy-value": "the entropy",
    "outside-value": "what is given",
    "program-output": "what the program said",
    "thread-count": "the number of threads",
    "process-race": "one process after the other",
    "thread-race": "one thread after the other",
    "thread-order": "one thread after the other",
    "pool-race": "one worker",
    "arithmetic": "one thread and deterministic kernels",
}
