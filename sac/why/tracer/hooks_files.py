"""Hooks on files: what the script changes, and what it reads that is new, for two runs in one folder share them.

Python's audit events name every file that Python code opens, makes, renames or removes. What compiled code writes by
itself raises none; of that only `torch.save` is hooked (in `hooks_torch`).
"""

from __future__ import annotations

import functools
import genericpath
import os
import pathlib
import sys
import sysconfig
import time
from collections.abc import Callable
from typing import Any

from .recorder import Recorder

FRESH = 60.0
"""Seconds: a file that was last written so long before this process began is no work of its twin."""

_SINCE = time.time() - FRESH
_CACHES = ("/__pycache__/", "/.cache/", "/.config/", "/.triton/", "/.nv/", "/torchinductor_", "/.matplotlib/")
_CACHE_SETTINGS = ("TRITON_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR", "XDG_CACHE_HOME", "MPLCONFIGDIR", "HF_HOME")


def _foreign() -> tuple[str, ...]:
    """Return the folders whose files are no part of a result: devices, Python's own, and caches."""
    paths = sysconfig.get_paths()
    own = [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    caches = filter(None, map(os.environ.get, _CACHE_SETTINGS))
    return tuple(os.path.join(os.path.abspath(folder), "") for folder in ("/dev", "/proc", "/sys", *own, *caches))


_FOREIGN = _foreign()


def touch(recorder: Recorder, how: str, path: Any, aside: bool = False) -> None:
    """Note what a line of the user's own does to a file.

    Args:
        recorder: the trace.
        how: `write`, `read`, `share` (both), or `folder` for one that is made or removed.
        path: as the script gave it; the number of an open file is none.
        aside: whether it counts inside of `shutil` and `tempfile` too.
    """
    if recorder.busy() or isinstance(path, int):
        return
    with recorder.quiet():
        name = os.path.abspath(os.fsdecode(path))
        if name.startswith(_FOREIGN) or name.endswith(".pyc") or any(part in name for part in _CACHES):
            return
        if how == "read" and not _is_new(name):
            return
        place = recorder.places.find()
        if place is not None and (aside or not place.aside):
            recorder.touch(how, name, place)


def _is_new(name: str) -> bool:
    """Whether a twin may have written a file: it is there, and young."""
    try:
        return os.stat(name).st_mtime >= _SINCE
    except OSError:
        return False


def install(recorder: Recorder) -> None:
    """Hook this process."""
    handlers = _handlers(recorder)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        handler = handlers.get(event)
        if handler is None:
            return
        try:
            handler(*arguments)
        except Exception:
            # Whatever is odd about a path, the call itself will say so. A hook that raises would stop the call.
            return

    sys.addaudithook(hook)
    _looks(recorder)


def _handlers(recorder: Recorder) -> dict[str, Callable[..., None]]:
    """Return what to do at each audit event."""

    def opened(path: Any, _: Any, flags: int) -> None:
        if flags & os.O_DIRECTORY:
            return
        # What is emptied, or new, when it is opened holds nothing of the twin's, though it may be read afterwards.
        how = "write" if flags & (os.O_TRUNC | os.O_EXCL) else "share"
        touch(recorder, {os.O_RDONLY: "read", os.O_WRONLY: "write"}.get(flags & os.O_ACCMODE, how), path)

    def one(how: str, aside: bool = False) -> Callable[..., None]:
        return lambda path, *_: touch(recorder, how, path, aside)

    def move(source: Any, target: Any, *_: Any) -> None:
        touch(recorder, "write", source)
        touch(recorder, "write", target)

    def copy(source: Any, target: Any, *_: Any) -> None:
        touch(recorder, "read", source, True)
        touch(recorder, "write", target, True)

    def database(path: Any, *_: Any) -> None:
        if path and ":memory:" not in os.fsdecode(path):
            touch(recorder, "share", path)

    names: dict[str, Callable[..., None]]
    names = {"open": opened, "os.rename": move, "os.link": copy, "shutil.copyfile": copy, "shutil.move": move}
    names |= {"os.mkdir": one("folder"), "os.rmdir": one("folder"), "shutil.rmtree": one("folder", aside=True)}
    names |= {"os.remove": one("write"), "os.truncate": one("write"), "sqlite3.connect": database}
    return names


def _looks(recorder: Recorder) -> None:
    """Hook the questions whether a file is there: a script that finds its twin's checkpoint goes another way."""

    def asked(original: Callable[..., bool]) -> Callable[..., bool]:
        @functools.wraps(original)
        def traced(path: Any, *args: Any, **kwargs: Any) -> bool:
            there = original(path, *args, **kwargs)
            if there and not recorder.busy() and recorder.places.called_by_own():
                touch(recorder, "read", path)
            return there

        return traced

    for name in ("exists", "isfile", "isdir"):
        traced = asked(getattr(genericpath, name))
        # Functions are pickled by their names, and this one is known under two.
        setattr(genericpath, name, traced)
        setattr(os.path, name, traced)
    for name in ("exists", "is_file", "is_dir"):
        setattr(pathlib.Path, name, asked(getattr(pathlib.Path, name)))
