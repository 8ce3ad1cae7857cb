"""Where bits come from: profiles, the machine's fingerprint, and arithmetic of the project's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sac.flags import Numerics


def prepare(profile: Numerics = "deterministic") -> None:
    """Prepare this process for a numerics profile, before it imports torch and NumPy; see `profiles.prepare`.

    A script that has imported them already is started anew, once, from its beginning.

    Raises:
        NumericsError: it has been started anew, and the profile's variables still differ.
    """
    from sac.numerics import profiles

    profiles.prepare(profile)
