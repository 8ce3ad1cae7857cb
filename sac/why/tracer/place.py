"""Where in the user's own files an event comes from."""

from __future__ import annotations

import os
import re
import sys
import sysconfig
import threading
import zlib
from types import FrameType
from typing import NamedTuple

from . import tasks

_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
"""The folder of `sac.why`: none of its lines, the plugin's included, is the user's own."""
_listdir = os.listdir
"""As it was before it was hooked."""

_ASIDE = ("<frozen importlib._bootstrap>", os.sep + "tempfile.py", os.sep + "shutil.py")
"""Files whose work is no part of a result: importing, names of temporary files, removing folders."""

_DEEPEST = 30
"""Functions of libraries that are named for one source."""

_POOLS = ("concurrent.futures.thread", "multiprocessing.pool")


class Place(NamedTuple):
    """A line of the user's own code, and the way there.

    Attributes:
        file: path, relative to the script's folder where it lies in it.
        line: number of the innermost line of the user's own.
        function: name of the function that the line stands in.
        chain: digest of all of the user's lines on the stack, and of the thread: part of an event's identity.
        aside: whether a library was only imported, or a temporary file made, on the way.
        direct: whether that line itself made the call, without a library in between.
    """

    file: str
    line: int
    function: str
    chain: int
    aside: bool
    direct: bool


def _thread_name() -> str:
    """Return this thread's name; of one that works on a task, the task's: which of them takes a task is a race."""
    thread, task = threading.current_thread(), tasks.of_thread()
    if task or getattr(getattr(thread, "_target", None), "__module__", "") in _POOLS:
        return re.sub(r"\d+", "", thread.name) + task
    return thread.name + tasks.of_loop()


_CELL = re.compile(
    r"<(?:ipython-input-(\d+)|(?:notebook )?cell (\d+))\b[^>]*>|.*[\\/]ipykernel_\d+[\\/](\d+)\.py", re.IGNORECASE
)
"""Names that notebooks and whoever executes them give to the code of a cell."""
_BY_VALUE = ("<dynamic-code>", "<cloudpickle>")
"""Names of code that came from another process by value."""


class Places:
    """Finds places; knows which files are the user's own.

    They are those of the project, and of the folders that the user put on `sys.path`; installed packages, the standard
    library and the interpreter's own folder excepted.
    """

    def __init__(self, root: str) -> None:
        self.root = os.path.join(os.path.realpath(root), "")
        self.tracer = _HERE
        """The folder of this package, in whose files hooked functions are written."""
        paths = sysconfig.get_paths()
        folders = [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib", "scripts")]
        folders += [os.path.realpath(folder) for folder in folders]
        self._foreign = tuple(os.path.join(folder, "") for folder in folders)
        given = set(filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)))
        self._given = {os.path.realpath(entry) for entry in sys.path} - {os.path.realpath(entry) for entry in given}
        """Folders that installed packages put on `sys.path`, an editable one for example."""
        self.cells: dict[str, int] = {}
        """Names of the code of a notebook's cells -> their numbers."""
        self._own: dict[str, str | None] = {}
        self._installed: dict[str, bool] = {}
        self.anywhere = False
        """In workers no line of the user's own may be on the stack: there a library's stands for it."""

    def own(self, filename: str) -> str | None:
        """Return the name to show for a file of the user's own; None for others."""
        if filename not in self._own:
            self._own[filename] = self._judge(filename)
        return self._own[filename]

    def _judge(self, filename: str) -> str | None:
        """Decide about one file."""
        cell = _CELL.fullmatch(filename)
        if cell is not None:
            return f"cell {self.cells.get(filename) or next(filter(None, cell.groups()))}"
        if filename.startswith("<"):
            return None
        path = os.path.realpath(filename)
        if path.startswith((*self._foreign, os.path.join(_HERE, ""))) or "-packages" + os.sep in path:
            return None
        if any(path.startswith(os.path.join(folder, "")) for folder in self._installed_into()):
            return None
        if path.startswith(self.root):
            return path[len(self.root) :]
        return os.path.relpath(path, self.root) if self._is_added(path) else None

    def _is_added(self, path: str) -> bool:
        """Whether a file lies in a folder that the script, or the user, has put on `sys.path`."""
        added = {os.path.realpath(entry) for entry in sys.path} - self._given
        return any(path.startswith(os.path.join(folder, "")) for folder in added if os.path.isdir(folder))

    def _installed_into(self) -> list[str]:
        """Return the folders of `sys.path` into which packages were installed."""
        return [folder for folder in map(os.path.realpath, sys.path) if self._is_installed(folder)]

    def _is_installed(self, folder: str) -> bool:
        """Whether packages were installed into a folder, as `pip install --target` does; a project's own is none."""
        if folder not in self._installed:
            inside = os.path.isdir(folder) and os.path.join(folder, "") != self.root
            self._installed[folder] = inside and any(name.endswith(".dist-info") for name in _listdir(folder))
        return self._installed[folder]

    def own_code(self, frame: FrameType) -> str | None:
        """Return the name to show for a frame of the user's own; None for others."""
        filename = frame.f_code.co_filename
        if filename in _BY_VALUE:
            # Its file's name was left out; its module's is there.
            filename = str(frame.f_globals.get("__file__", filename))
        return self.own(filename)

    def find(self, depth: int = 2) -> Place | None:
        """Return the innermost line of the user's own on the stack; None where there is none."""
        frame: FrameType | None = sys._getframe(depth)
        found: tuple[str, int, str] | None = None
        library: tuple[str, int, str] | None = None
        chain = zlib.crc32(_thread_name().encode())
        aside, direct, foreign = False, False, False
        while frame is not None:
            code = frame.f_code
            name = self.own_code(frame)
            if name is not None:
                if found is None:
                    found, direct = (name, frame.f_lineno, code.co_name), not foreign
                chain = zlib.crc32(f"{name}:{frame.f_lineno}".encode(), chain)
            elif found is None and (code.co_filename.startswith(_ASIDE[0]) or code.co_filename.endswith(_ASIDE[1:])):
                aside = True
            elif not code.co_filename.startswith(_HERE):
                foreign = True
                if library is None and "-packages" + os.sep in code.co_filename:
                    library = f"<{code.co_filename.rpartition('-packages' + os.sep)[2]}>", frame.f_lineno, code.co_name
            frame = frame.f_back
        found = found or (library if self.anywhere else None)
        return None if found is None else Place(*found, chain, aside, direct)

    def called_by_own(self) -> bool:
        """Whether the caller of the traced function is a line of the user's own: a cheap test for frequent calls."""
        frame: FrameType | None = sys._getframe(2)
        return frame is not None and self.own_code(frame) is not None

    def near_own(self) -> bool:
        """Whether the caller of the traced function, or its caller, is a line of the user's own."""
        frame: FrameType | None = sys._getframe(2)
        for _ in range(2):
            if frame is not None and self.own_code(frame) is not None:
                return True
            frame = frame.f_back if frame is not None else None
        return False

    def libraries(self) -> list[str]:
        """Return the functions of libraries between the traced function and the user's own line, the nearest last."""
        frame: FrameType | None = sys._getframe(2)
        found: list[str] = []
        while frame is not None and self.own_code(frame) is None and len(found) < _DEEPEST:
            if not frame.f_code.co_filename.startswith(_HERE):
                owner = type(frame.f_locals["self"]).__name__ + "." if "self" in frame.f_locals else ""
                found.append(f"{frame.f_globals.get('__name__', '?')}:{owner}{frame.f_code.co_name}")
            frame = frame.f_back
        return found[::-1]
