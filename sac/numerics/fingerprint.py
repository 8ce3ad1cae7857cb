"""The fingerprint of a machine's arithmetic, and what differs between two; torch loads only when one is taken."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Any

from sac.flags import Numerics
from sac.numerics.machine import FIXED_ORDER, cpu_model, library_versions, mkl_branch
from sac.numerics.profiles import PROFILES

VENDOR_CHOSEN = ("cpu.rcpps", "cpu.rsqrtps")
"""Entries of the probe that differ between vendors, and on which no result under `portable` depends."""


def fingerprint(profile: Numerics, device: str = "cpu", simulator: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return what bits depend on here: library versions, CPU, settings, and digests of a battery of probe operations.

    Args:
        profile: name of the profile.
        device: ``cpu`` or ``cuda``, where the learner computes.
        simulator: further digests of the probe, if a simulator is in use.
    """
    import torch

    from sac.numerics.matmul import matmul_name
    from sac.numerics.probe import probe

    name = torch.cuda.get_device_name() if device == "cuda" else "cpu"
    return {
        "profile": profile,
        **library_versions(),
        "python": platform.python_version(),
        "cpu": cpu_model(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "mkl_cbwr": mkl_branch(),
        "threads": torch.get_num_threads(),
        "device": name,
        "products": matmul_name(torch.device(device)),
        "probe": {**probe(torch.device(device)), **(simulator or {})},
    }


def _table(probe: object) -> dict[str, Any]:
    """The operations of a probe; one that a file holds may be anything."""
    return probe if isinstance(probe, dict) else {} if probe is None else {"probe": probe}


def differences(a: dict[str, Any], b: dict[str, Any]) -> list[str]:
    """Return the entries that differ though the profile's promise needs them equal, as `name: a's value, b's value`."""
    if a.get("profile") != b.get("profile"):
        return [f"profile: {a.get('profile')}, {b.get('profile')}"]
    profile = a.get("profile")
    known = PROFILES.get(profile) if isinstance(profile, str) else None
    names = known.same if known is not None else sorted(a.keys() | b.keys())
    found: list[str] = []
    for name in names:
        if name == "threads" and a.get("products") == b.get("products") == FIXED_ORDER:
            continue
        if name == "probe":
            pa, pb = _table(a.get("probe")), _table(b.get("probe"))
            unlike = [op for op in sorted(pa.keys() | pb.keys()) if pa.get(op) != pb.get(op)]
            operations = [op for op in unlike if not (a.get("profile") == "portable" and op in VENDOR_CHOSEN)]
            found += [f"arithmetic of {op}: {pa.get(op)}, {pb.get(op)}" for op in operations]
        elif a.get(name) != b.get(name):
            found.append(f"{name}: {a.get(name)}, {b.get(name)}")
    return found
