"""What can be wrong with a benchmark's command or its surroundings."""

from __future__ import annotations

from sac.errors import UserError


class BenchError(UserError, ValueError):
    """The comparison can't be made; the message says what is wrong and what to do."""
