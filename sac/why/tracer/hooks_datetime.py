"""Hooks on `datetime`: what day and hour it is, whoever asks for it on the way from a line of the user's own.

A resolver of a configuration, or a logger, asks in a library's file. The classes stay the same objects, since libraries
test for them; only their methods are replaced.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .compiled import wrap_class_method
from .recorder import Recorder
from .vary import shifted


def install(recorder: Recorder, module: Any) -> None:
    """Hook the module `datetime`."""
    for owner, name in ((module.datetime, "now"), (module.datetime, "utcnow"), (module.date, "today")):
        wrap_class_method(owner, name, functools.partial(_asked, recorder, name))


def _asked(recorder: Recorder, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    """Return the traced class method."""

    def traced(owner: type, *args: Any, **kwargs: Any) -> Any:
        # A day is made of what `time.time` gives, which has hooks of its own.
        with recorder.quiet():
            value = shifted(original(owner, *args, **kwargs), name)
        if recorder.busy():
            return value
        value = _forced(recorder, value)
        recorder.source("clock", f"datetime.{name}", value.isoformat(), value.isoformat())
        return value

    return traced


def _forced(recorder: Recorder, value: Any) -> Any:
    """Return an instant or a day as it is, unless it is forced here."""
    if "clock" not in recorder.force or not hasattr(value, "timestamp"):
        site = recorder.forced("clock")
        return value if site is None else type(value).fromtimestamp(recorder.force.clock("date", 0.0, site))
    stamp: float = value.timestamp()
    shown = recorder.force.clock("datetime", stamp, recorder.forced("clock"))
    return value if shown == stamp else type(value).fromtimestamp(shown, value.tzinfo)
