"""Watches each line of the user's own near a divergence: which of them moves a global generator, whatever draws there.

It is the second pass: the first one has found where the runs part, and that a generator had moved before without an
event that would tell by whom. Every line costs some microseconds then.
"""

from __future__ import annotations

import json
import linecache
import re
import sys
import threading
from collections.abc import Mapping
from types import FrameType
from typing import Any

from .generators import NEVER, short_digest
from .place import Place
from .recorder import Recorder

_IMPORTS = re.compile(r"\s*(import|from)\s|.*\b(import_module|__import__)\(")


class _Lines:
    """Compares the generators' states from line to line."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._states: Mapping[str, bytes] = recorder.generators.states()

    def after_event(self) -> None:
        """Remember the states after an event: what moved them is known."""
        self._states = self._recorder.generators.states()

    def called(self, frame: FrameType, what: str, argument: Any) -> Any:
        """Watch the lines of a function, if it is the user's own."""
        if self._recorder.places.own(frame.f_code.co_filename) is None:
            return None
        return self._watcher(frame)

    def _watcher(self, frame: FrameType) -> Any:
        line = frame.f_lineno

        def watch(frame: FrameType, what: str, argument: Any) -> Any:
            nonlocal line
            if what in ("line", "return") and not self._recorder.busy():
                self._look(frame, line)
                line = frame.f_lineno
            return watch

        return watch

    def _look(self, frame: FrameType, line: int) -> None:
        """Write an event for each generator that a line has moved."""
        with self._recorder.quiet():
            after = self._recorder.generators.states()
            before, self._states = self._states, after
            moved = [name for name, state in after.items() if name in before and before[name] != state]
            if moved and _IMPORTS.match(linecache.getline(frame.f_code.co_filename, line)):
                # What a library does to a generator that nobody has seeded yet, while it is imported, is no draw of
                # the script's: seeding afterwards would mend all that comes.
                moved = [name for name in moved if name in self._recorder.generators.seeded]
            place = self._recorder.places.find(3) if moved else None
        if place is None:
            return
        for name in moved:
            self._write(name, before[name], after[name], place._replace(line=line))

    def _write(self, name: str, before: bytes, after: bytes, place: Place) -> None:
        """Write that a line has moved a generator."""
        seeded = name in self._recorder.generators.seeded
        inputs = {"generator": short_digest(before) if seeded else NEVER}
        facts = {"generator": name, "seeded": seeded}
        outputs = {"generator": short_digest(after)}
        self._recorder.flow("draw", "line", lambda: None, lambda: (inputs, facts), lambda _: outputs, place=place)

    def start(self) -> None:
        """Watch the functions that are at work already, and those that will be called."""
        threading.settrace(self.called)
        sys.settrace(self.called)
        frame: FrameType | None = sys._getframe()
        while frame is not None:
            if self._recorder.places.own(frame.f_code.co_filename) is not None:
                frame.f_trace = self._watcher(frame)
            frame = frame.f_back


def install(recorder: Recorder, setting: str) -> None:
    """Watch lines from the flow event on that `setting` names; called in the traced process."""
    first: int = json.loads(setting)
    lines = _Lines(recorder)
    state = {"count": 0, "on": False}

    def start() -> None:
        state["on"] = True
        lines.start()

    def watch(kind: str) -> None:
        state["count"] += 1
        if state["on"]:
            lines.after_event()
        elif state["count"] >= first:
            start()

    recorder.watch = watch
    if first <= 1:
        start()
