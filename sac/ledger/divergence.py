"""What a first difference between two ledgers means: its inputs, how large it is, its likely cause, what to run next.

A verdict claims no more than the ledger shows. A channel's digest covers a whole iteration: several env steps, then
several gradient steps. So the first differing channel has equal inputs from before, but a channel that comes later in
the order of data flow may have differed first *in time*, at an earlier step of the same iteration, and fed back. For
env steps the ledger's marks tell them apart (see `marks`); for gradient steps, and without marks, the verdict says so.
"""

import shlex
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sac.config import LAYOUT_FIELDS, NAMING_FIELDS, TrainConfig, changed_flags, flag_word
from sac.ledger.channels import CHANNELS, FEEDBACK, INPUTS, ROLLOUT, Inputs
from sac.ledger.likely_causes import usual_cause
from sac.ledger.marks import Place

ABSENT = "absent"
"""Stands for the digest of a channel that one ledger lacks."""

_HARMLESS = LAYOUT_FIELDS - NAMING_FIELDS
"""Flags of layout and logging. Bits must not depend on them, so they are suspects only if nothing else differs."""

EVALUATION_FLAGS = {"num_eval_envs", "num_eval_steps", "eval_partial_reset", "eval_reconfiguration_freq"}
"""Flags that change evaluations, which are then not compared. The rest of the run must not depend on them."""

_MACHINE = ("fingerprint.", "versions.")
"""Prefixes of the differences that no flag makes."""
_CPU = ("fingerprint.cpu", "fingerprint.probe.cpu.")
"""Prefixes of the differences that are the CPU's own: under `portable` no result may depend on them."""
_SIMULATOR = "fingerprint.probe.simulator."


class Difference(NamedTuple):
    """A named entry that differs between two ledgers."""

    name: str
    a: Any
    b: Any


def _flatten(entry: object, name: str = "") -> Iterator[tuple[str, object]]:
    """Walk over the leaves of nested objects, each with its dotted name."""
    if isinstance(entry, Mapping):
        for key, part in entry.items():
            yield from _flatten(part, f"{name}.{key}" if name else str(key))
    else:
        yield name, entry


def flag_differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Return what differs in the headers' config, fingerprint and versions, apart from the names of the runs.

    A flag that an older release lacked counts as its default.
    """
    found = []
    for part in ("config", "fingerprint", "versions"):
        defaults = dict(_flatten(TrainConfig().to_dict())) if part == "config" else {}
        left, right = ({**defaults, **dict(_flatten(header.get(part, {})))} for header in (a, b))
        for name in sorted(left.keys() | right.keys()):
            one, other = left.get(name, ABSENT), right.get(name, ABSENT)
            if one != other and name not in NAMING_FIELDS:
                found.append(Difference(name if part == "config" else f"{part}.{name}", one, other))
    return tuple(found)


def same_machine(a: Mapping[str, Any], flags: tuple[Difference, ...]) -> bool:
    """Whether two headers (the first, and what differs from it) show the same versions and the same arithmetic."""
    return bool(a.get("fingerprint")) and not any(flag.name.startswith(_MACHINE) for flag in flags)


def ulp_distance(a: float, b: float) -> tuple[int, str] | None:
    """Count the floats from a to b: float32 if both are exactly that, else float64; None for NaN."""
    if a != a or b != b:
        return None
    kind, integer, name = ("<f", "<i", "float32") if _is_float32(a) and _is_float32(b) else ("<d", "<q", "float64")
    return abs(_ordinal(a, kind, integer) - _ordinal(b, kind, integer)), name


def _is_float32(value: float) -> bool:
    """Whether a float survives the conversion to float32 and back."""
    try:
        return bool(struct.unpack("<f", struct.pack("<f", value))[0] == value)
    except OverflowError:
        return False


def _ordinal(value: float, kind: str, integer: str) -> int:
    """Number the floats in ascending order, both zeros 0."""
    bits: int = struct.unpack(integer, struct.pack(kind, value))[0]
    lowest = -(2 ** (8 * struct.calcsize(integer) - 1))
    return bits if bits >= 0 else lowest - bits


@dataclass(frozen=True)
class Divergence:
    """The first difference between two ledgers, and everything known about it.

    Attributes:
        iteration: the first iteration that differs.
        global_step: env steps at its end.
        channel: the first differing channel in the order of data flow.
        a: its digest in the first ledger, or `ABSENT`.
        b: the same in the second.
        differing: all channels that differ at this iteration.
        place: env step and environment where the rollouts diverge, if the ledgers' marks tell.
        inputs: what the ledgers show of the channel's inputs.
        previous: the last common iteration before it, which is equal.
        values: the floats that differ at this iteration.
        flags: what differs in the headers.
        config: the first run's flags.
        same_machine: whether the headers show the same versions and the same arithmetic.
    """

    iteration: int
    global_step: int
    channel: str
    a: str
    b: str
    differing: tuple[str, ...]
    place: Place | None = None
    inputs: Inputs = field(default_factory=Inputs)
    previous: int | None = None
    values: tuple[Difference, ...] = ()
    flags: tuple[Difference, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    same_machine: bool = False

    @property
    def inputs_equal(self) -> bool:
        """Whether the ledgers show that all inputs were equal, so that this channel's stage is the culprit."""
        return not self.inputs.unproven

    @property
    def rivals(self) -> tuple[str, ...]:
        """Other differing channels that may have been first in time, at an earlier step of the iteration."""
        if self._located():
            return ()
        found: list[str] = []
        frontier = list(FEEDBACK.get(self.channel, ()))
        while frontier:
            name = frontier.pop(0)
            if name in self.differing and name not in found and name != self.channel:
                found.append(name)
                frontier += [source for source, lag in INPUTS[name] if lag == 0]
        return tuple(sorted(found, key=CHANNELS.index))

    @property
    def verdict(self) -> str:
        """Say where, how much, the likely cause, and what to run next."""
        lines = [
            f"diverged at iteration {self.iteration} (global step {self.global_step}), channel {self.channel}"
            f"{self._where()}",
            f"  digests: {self.a} vs {self.b}",
            f"  inputs: {self._inputs()}",
            *([f"  possibly earlier within the iteration: {', '.join(self.rivals)}"] if self.rivals else []),
            f"  how much: {self._amount()}",
            f"  differing at this iteration: {', '.join(self.differing)}",
            f"  likely cause: {self._cause()}",
            f"  next: {self._next()}",
        ]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Return the member `first` of the object that `sac diff --json` prints."""
        names = ("iteration", "global_step", "channel", "a", "b", "inputs_equal", "verdict")
        return {name: getattr(self, name) for name in names}

    def _located(self) -> bool:
        """Whether marks show that the channel was the first in time."""
        return self.place is not None and self.place.channel == self.channel

    def _where(self) -> str:
        """Name the env step and the environment, if they are known."""
        if self.place is None or not self._located():
            return ""
        return f", environment {self.place.environment} at env step {self.place.step} of the iteration"

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
        return "; ".join(_describe(difference) for difference in self.values)

    def _cause(self) -> str:
        """Name the likely cause: what differs in the headers, or else what usually does it."""
        stage, usual = usual_cause(self.channel, self.config, self.same_machine)
        suspects, others = self._suspects()
        if suspects:
            return f"the runs weren't asked for the same: {_list(suspects)}"
        if others:
            return f"{_list(others)}: results mustn't depend on it, so look for what does, in stage {stage!r}"
        if ABSENT in (self.a, self.b):
            return "other versions of the program, or a ledger that was edited"
        return f"stage {stage!r}: {usual}"

    def _suspects(self) -> tuple[list[Difference], list[Difference]]:
        """Split what differs in the headers into what may change results, and what must not."""
        innocent = _CPU if self._is_portable() else ()
        harmless = [flag for flag in self.flags if flag.name in _HARMLESS or flag.name.startswith(innocent)]
        suspects = [flag for flag in self.flags if flag not in harmless]
        # A run that is only longer can't have changed what came before its end.
        return suspects, [flag for flag in harmless if flag.name != "total_timesteps"]

    def _is_portable(self) -> bool:
        """Whether both runs were promised the same bits on any CPU."""
        return self.config.get("numerics") == "portable" and not any(flag.name == "numerics" for flag in self.flags)

    def _next(self) -> str:
        """Name the command that brings the answer nearer."""
        suspects, others = self._suspects()
        machine = [flag.name for flag in suspects or others]
        if machine and all(name.startswith(_MACHINE) for name in machine):
            return f"`sac doctor` on both machines{self._portable_hint(machine)}"
        varied = [flag for flag in suspects or others if _can_be_varied(flag)]
        if suspects and not varied:
            return "train both with the same flags and the same release of `sac`, then compare again"
        changes, hint = self._closer_look()
        if varied:
            hint = f"{hint}; it parts at the same place if nothing else is the cause"
        given = {name: value for name, value in self.config.items() if name not in changes}
        words = changed_flags({name: value for name, value in given.items() if name not in {f.name for f in varied}})
        words += [flag_word(name, value) for name, value in changes.items()]
        words += [word for name, a, b in varied for word in ("--vary", f"{name}={a},{b}")]
        return f"`sac twin {shlex.join(words)}`{hint}"

    def _portable_hint(self, machine: list[str]) -> str:
        """Say what the numerics profile has to do with a difference between machines."""
        if not self._is_portable():
            return "; equal bits on unlike CPUs need --numerics=portable"
        if any(name.startswith(_SIMULATOR) for name in machine):
            return "; their simulators compute unlike each other, though --numerics=portable makes reciprocals exact"
        return "; under --numerics=portable the CPU model must not matter, so a difference is a fault worth reporting"

    def _closer_look(self) -> tuple[dict[str, int], str]:
        """Return flags with which a twin locates the difference, more closely if possible, and why these flags."""
        changes = {"total_timesteps": max(1, self.global_step)}
        if self.inputs.unproven and self.iteration:
            return {**changes, "ledger_freq": 1}, ", for a ledger without gaps"
        if self.rivals and self.channel in ROLLOUT and self._has_several_steps():
            hint = ", which tells the env steps of an iteration apart"
            return {**changes, "training_freq": self.config["num_envs"]}, hint
        return changes, ""

    def _has_several_steps(self) -> bool:
        """Whether iterations can be made shorter, with at least one gradient step in each."""
        try:
            width = int(self.config["num_envs"])
            return width < int(self.config["training_freq"]) and width * float(self.config["utd"]) >= 1
        except (KeyError, TypeError, ValueError):
            return False


def _can_be_varied(flag: Difference) -> bool:
    """Whether `sac twin --vary` can give its runs the two values."""
    known = flag.name in TrainConfig().to_dict() and flag.name not in ("ledger_freq", "evaluate")
    return known and ABSENT not in (flag.a, flag.b) and "," not in f"{flag.a}{flag.b}"


def _list(differences: list[Difference], limit: int = 6) -> str:
    """List the first `limit` differences, and count the rest."""
    shown = [f"{name}: {a} vs {b}" for name, a, b in differences[:limit]]
    return ", ".join(shown + ([f"and {len(differences) - limit} more"] if len(differences) > limit else []))


def _describe(difference: Difference) -> str:
    """Show two values and the number of floats between them."""
    distance = ulp_distance(difference.a, difference.b)
    size = "" if distance is None else f" ({distance[0]} ULP as {distance[1]})"
    return f"{difference.name} {difference.a!r} vs {difference.b!r}{size}"
