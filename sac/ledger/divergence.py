"""The first difference between two ledgers: where, its inputs, how large it is, its likely cause, what to run next.

It claims no more than the ledgers show. A channel's digest covers a whole iteration: several env steps, then several
gradient steps. So the first differing channel has equal inputs from before, but a channel that comes later in the order
of data flow may have differed first *in time*, at an earlier step of the same iteration, and fed back. For env steps
the ledger's marks tell them apart (see `marks`); for gradient steps, and without marks, `rivals` names them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from sac.display.visible import one_line
from sac.ledger.channels import Inputs
from sac.ledger.headers import ABSENT
from sac.ledger.likely_causes import LikelyCause
from sac.ledger.next_step import NextStep
from sac.ledger.ulps import Ulps, ulp_distance

DetailName = Literal[
    "digests",
    "inputs",
    "possibly earlier within the iteration",
    "how much",
    "differing at this iteration",
    "likely cause",
    "next",
]


class ValueDifference(NamedTuple):
    """A float that two ledger lines hold differently."""

    name: str
    a: float
    b: float

    @property
    def ulps(self) -> Ulps | None:
        """The count of floats between the two values; None where one is NaN."""
        return ulp_distance(self.a, self.b)

    @property
    def text(self) -> str:
        """Both values, and the distance."""
        size = "" if self.ulps is None else f" ({self.ulps.distance} ULP as {self.ulps.kind})"
        return f"{self.name} {self.a!r} vs {self.b!r}{size}"


@dataclass(frozen=True)
class LedgerDivergence:
    """The first difference between two ledgers, and all that is known of it.

    Attributes:
        iteration: the first iteration that differs.
        global_step: env steps at its end.
        channel: the first differing channel in the order of data flow, or in time where the ledgers' marks tell.
        a: its digest in the first ledger, or `ABSENT`.
        b: the same in the second.
        differing: all channels that differ at this iteration.
        inputs: what the ledgers show of the channel's inputs.
        cause: why they differ, as far as the ledgers tell.
        next: what to run next.
        env_step: env step within the iteration, from 0; None where marks don't tell.
        environment: lowest index of an environment that differs there; None likewise.
        rivals: channels that differ too and may have been first in time, at an earlier step of the iteration.
        previous: the last common iteration before, known to be equal.
        values: the floats that differ at this iteration.
    """

    iteration: int
    global_step: int
    channel: str
    a: str
    b: str
    differing: tuple[str, ...]
    inputs: Inputs
    cause: LikelyCause
    next: NextStep
    env_step: int | None = None
    environment: int | None = None
    rivals: tuple[str, ...] = ()
    previous: int | None = None
    values: tuple[ValueDifference, ...] = ()

    @property
    def inputs_equal(self) -> bool:
        """Whether the ledgers show that all inputs were equal, so that this channel's stage is the culprit."""
        return not self.inputs.unproven

    @property
    def headline(self) -> str:
        """Where, in one sentence."""
        where = f"diverged at iteration {self.iteration} (global step {self.global_step}), channel {self.channel}"
        if self.env_step is None:
            return where
        return f"{where}, environment {self.environment} at env step {self.env_step} of the iteration"

    @property
    def details(self) -> dict[DetailName, str]:
        """All else that is to be said, name -> text."""
        found: dict[DetailName, str] = {"digests": f"{self.a} vs {self.b}", "inputs": self._inputs()}
        if self.rivals:
            found["possibly earlier within the iteration"] = ", ".join(self.rivals)
        found["how much"] = self._amount()
        found["differing at this iteration"] = ", ".join(self.differing)
        found["likely cause"] = self.cause.text
        found["next"] = self.next.text
        return found

    @property
    def verdict(self) -> str:
        """Where, how much, the likely cause, and what to run next: what `sac diff` and a failed test print."""
        return "\n".join([self.headline, *(f"  {name}: {one_line(text)}" for name, text in self.details.items())])

    def to_json(self) -> dict[str, Any]:
        """Return the member `first` of the object that `sac diff --json` prints."""
        names = ("iteration", "global_step", "channel", "a", "b", "inputs_equal", "verdict")
        return {name: getattr(self, name) for name in names}

    def _inputs(self) -> str:
        """Say what is known about the channel's inputs."""
        equal, unproven = self.inputs
        if unproven:
            gap = "before its first line" if self.previous is None else f"after iteration {self.previous}, still equal"
            return f"not all shown to be equal: {', '.join(unproven)}; the ledger lacks what lies {gap}"
        return f"all equal: {', '.join(equal)}" if equal else "none but the root seed and the flags"

    def _amount(self) -> str:
        """Say by how much the recorded values differ."""
        if ABSENT in (self.a, self.b):
            return f"{self.channel} is missing in the {'first' if self.a == ABSENT else 'second'} ledger"
        if not self.values:
            return "no recorded value differs: the difference hasn't reached one, or cancels in it"
        return "; ".join(value.text for value in self.values)
