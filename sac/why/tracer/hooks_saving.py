"""Hooks on what the user's own lines save: other content is a divergence, though nothing drew it."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import hashlib
import io
import json
import os
import pickle
import re
from collections.abc import Callable, Mapping
from typing import Any

from .hooks_state import as_device
from .masks import STAGES, Table, masked, own_names, without_names
from .place import Place
from .recorder import Recorder, current

CALLED = frozenset(("save", "savez", "savez_compressed", "dump", "open"))
"""Names of what is looked up in `Recorder.calls` where a line of the user's own calls it."""

_TIMED = re.compile(
    rf"(?:.*[_/ .-])?(?:{STAGES}|time|times|date|elapsed|duration|seconds|secs?|ms|sps|fps|speed|throughput"
    r"|timestamp|started"
    r"|wall|created|runtime|pid|host|hostname|run_id|run_name|path|dir|folder|log_?dir|uuid)(?:_(?!steps?\b).*)?",
    re.IGNORECASE,
)
"""Names of entries that say when, where or how fast a run was, if they are plain numbers or texts."""

_TEXTS = re.compile(r"\d{4}-\d\d-\d\d|\d\d:\d\d:\d\d|[/\\]|(?<![\w.])1[6-9]\d{8}\b")


def without_times(value: Any) -> Any:
    """Return what is saved, without the numbers and texts that say when, where or how fast a run was."""
    if isinstance(value, argparse.Namespace):
        return without_times(vars(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return without_times({field.name: getattr(value, field.name) for field in dataclasses.fields(value)})
    if type(value) is dict:
        return {name: None if _is_the_runs_own(name, part) else without_times(part) for name, part in value.items()}
    if type(value) in (list, tuple):
        return [without_times(part) for part in value]
    if not isinstance(value, str):
        return value
    return None if _TEXTS.search(value) else without_names(value, own_names())


def _is_the_runs_own(name: Any, value: Any) -> bool:
    """Whether an entry says when, where or how fast a run was, or what its command called it."""
    if not (isinstance(name, str) and isinstance(value, (int, float, str))):
        return False
    named = f"{name}={value}"
    return _TIMED.fullmatch(name) is not None or without_names(named, own_names()) != named


def install(recorder: Recorder) -> None:
    """Hook what the standard library saves with."""
    for module in (pickle, json):
        _hook(recorder, module, "dump", 0)
    recorder.calls[open] = _opening(recorder)


class _Written(io.TextIOWrapper):
    """A file of text that remembers a digest of what is written into it, masked line by line."""

    place: Place
    _rest = ""
    _table: Table | None = None

    def begin(self, place: Place) -> None:
        """Remember where the file was opened."""
        self.place, self._hash = place, hashlib.sha256(usedforsecurity=False)

    def write(self, text: str) -> int:
        """Write a text."""
        count = super().write(text)
        *lines, self._rest = (self._rest + text).split("\n")
        self._take(lines)
        return count

    def close(self) -> None:
        """Close the file, and record what it got."""
        try:
            if not self.closed and not current().within():
                self._record()
        except Exception:
            # While the interpreter ends, little is left that can be used.
            return
        finally:
            super().close()

    def _record(self) -> None:
        self._take([self._rest])
        inputs = {"written": self._hash.hexdigest()}
        current().flow("save", "open", lambda: None, lambda: (inputs, {}), _nothing, place=self.place)

    def _take(self, lines: list[str]) -> None:
        for line in lines:
            self._table = self._table or Table(line)
            shown = masked(self._table.without_times(line), (os.getpid(),), own_names())
            self._hash.update(shown.encode("utf-8", "backslashreplace") + b"\n")


def _nothing(_: object) -> dict[str, Any]:
    return {}


def _opening(recorder: Recorder) -> Callable[..., Any]:
    """Return an `open` whose files of text record what is written, and whose devices of entropy what is read."""

    @functools.wraps(open)
    def traced(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        made = open(file, mode, *args, **kwargs)  # noqa: SIM115
        place = None if recorder.within() else recorder.places.find(1)
        made = made if place is None else as_device(made)
        if type(made) is not io.TextIOWrapper or place is None or made.readable():
            return made
        newline = kwargs.get("newline", args[3] if len(args) > 3 else None)
        encoding, errors, by_lines = made.encoding, made.errors, made.line_buffering
        text = _Written(made.detach(), encoding, errors, newline, by_lines)
        text.mode = mode  # type: ignore[misc]
        text.begin(place)
        return text

    return traced


def install_numpy(recorder: Recorder, module: Any) -> None:
    """Hook what NumPy saves with."""
    _hook(recorder, module, "save", 1)
    for name in ("savez", "savez_compressed"):
        _hook(recorder, module, name, None)


def install_joblib(recorder: Recorder, module: Any) -> None:
    """Hook `joblib.dump`."""
    _hook(recorder, module, "dump", 0)


def _hook(recorder: Recorder, module: Any, name: str, position: int | None) -> None:
    """Record calls of a function that saves the argument at a position; all but the first where it is None."""
    original: Callable[..., Any] = getattr(module, name)

    @functools.wraps(original)
    def traced(*args: Any, **kwargs: Any) -> Any:
        call = functools.partial(original, *args, **kwargs)
        if recorder.within():
            return call()
        saved: Mapping[str, Any] = {"arguments": args[1:], **kwargs}
        if position is not None:
            saved = {"saved": args[position] if len(args) > position else kwargs.get("obj", kwargs.get("arr"))}
        inputs = {part: without_times(value) for part, value in saved.items()}
        label = f"{module.__name__}.{name}"
        return recorder.flow("save", label, call, lambda: (inputs, {}), lambda _: {})

    recorder.calls[original] = traced
