"""What the headers of two ledgers hold differently, and which of it may be why the ledgers differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from sac.config import LAYOUT_FIELDS, NAMING_FIELDS, TrainConfig

ABSENT = "absent"
"""Stands for what one of two ledgers lacks."""

EVALUATION_FLAGS = {"num_eval_envs", "num_eval_steps", "eval_partial_reset", "eval_reconfiguration_freq"}
"""Flags that make evaluations unlike, which then aren't compared; the rest of the run mustn't depend on them."""

SIMULATOR = "fingerprint.probe.simulator."
"""How the names of differences begin that the simulator makes."""

_HARMLESS = LAYOUT_FIELDS - NAMING_FIELDS
"""Flags of layout and logging: bits mustn't depend on them, so they are the suspects only if nothing else differs."""
_MACHINE = ("fingerprint.", "versions.")
"""How the names of differences begin that no flag makes."""
_CPU = ("fingerprint.cpu", "fingerprint.probe.cpu.")
"""How the names of differences begin that are the CPU's own: under `portable` no result may depend on them."""


class HeaderDifference(NamedTuple):
    """A named entry that two headers hold differently, `ABSENT` where one lacks it."""

    name: str
    a: Any
    b: Any

    @property
    def is_of_machine(self) -> bool:
        """Whether the machine or its libraries make it, not a flag."""
        return self.name.startswith(_MACHINE)


@dataclass(frozen=True)
class HeaderDifferences:
    """All that two headers hold differently, apart from the names of the runs.

    Attributes:
        entries: flags, then fingerprint, then versions.
        config: the first run's flags.
        has_fingerprint: whether the first header says under which arithmetic its run was made.
    """

    entries: tuple[HeaderDifference, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    has_fingerprint: bool = False

    @property
    def same_machine(self) -> bool:
        """Whether the headers show the same versions and the same arithmetic."""
        return self.has_fingerprint and not any(entry.is_of_machine for entry in self.entries)

    @property
    def portable(self) -> bool:
        """Whether both runs were promised the same bits on any CPU."""
        differs = any(entry.name == "numerics" for entry in self.entries)
        return self.config.get("numerics") == "portable" and not differs

    @cached_property
    def suspects(self) -> tuple[HeaderDifference, ...]:
        """What may change results."""
        return tuple(entry for entry in self.entries if not self._is_harmless(entry))

    @cached_property
    def harmless(self) -> tuple[HeaderDifference, ...]:
        """What mustn't change results; a run that is only longer can't have changed what came before its end."""
        found = (entry for entry in self.entries if self._is_harmless(entry))
        return tuple(entry for entry in found if entry.name != "total_timesteps")

    def _is_harmless(self, entry: HeaderDifference) -> bool:
        innocent = _CPU if self.portable else ()
        return entry.name in _HARMLESS or entry.name.startswith(innocent)


def header_differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> HeaderDifferences:
    """Hold the config, fingerprint and versions of two headers against each other.

    A flag that a release did not have yet stands at its default: its absence is no difference from that.
    """
    found = []
    for part in ("config", "fingerprint", "versions"):
        defaults = dict(_flatten(TrainConfig().to_dict())) if part == "config" else {}
        left, right = ({**defaults, **dict(_flatten(header.get(part, {})))} for header in (a, b))
        for name in sorted(left.keys() | right.keys()):
            one, other = left.get(name, ABSENT), right.get(name, ABSENT)
            if one != other and name not in NAMING_FIELDS:
                found.append(HeaderDifference(name if part == "config" else f"{part}.{name}", one, other))
    return HeaderDifferences(tuple(found), a.get("config", {}), bool(a.get("fingerprint")))


def _flatten(entry: object, name: str = "") -> Iterator[tuple[str, object]]:
    """Walk over the leaves of nested objects, each with its dotted name."""
    if isinstance(entry, Mapping):
        for key, part in entry.items():
            yield from _flatten(part, f"{name}.{key}" if name else str(key))
    else:
        yield name, entry


def list_differences(differences: Sequence[HeaderDifference], limit: int = 6) -> str:
    """List differences in words, not endlessly many."""
    shown = [f"{name}: {a} vs {b}" for name, a, b in differences[:limit]]
    return ", ".join(shown + ([f"and {len(differences) - limit} more"] if len(differences) > limit else []))
