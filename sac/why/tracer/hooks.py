"""Puts the hooks in: the standard library's at once, those of other packages when the script imports them."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from . import (
    hooks_datetime,
    hooks_files,
    hooks_gymnasium,
    hooks_notebook,
    hooks_numpy,
    hooks_process,
    hooks_programs,
    hooks_python,
    hooks_queues,
    hooks_saving,
    hooks_state,
    hooks_tasks,
    hooks_torch,
    rewrite,
    serial,
    unwritten,
)
from .recorder import Recorder

Install = Callable[[Recorder, Any], None]


def _loky(recorder: Recorder, module: Any) -> None:
    hooks_process.install_loky(recorder, module)
    serial.install_loky(recorder, module)


def _numpy(recorder: Recorder, module: Any) -> None:
    hooks_saving.install_numpy(recorder, module)
    unwritten.install_numpy(recorder, module)


LIBRARIES: dict[str, Install] = {
    "numpy.random": hooks_numpy.install,
    "numpy": _numpy,
    "joblib": hooks_saving.install_joblib,
    "socket": hooks_state.install_socket,
    "datetime": hooks_datetime.install,
    "timeit": hooks_state.install_timeit,
    "torch": hooks_torch.install,
    **{f"{package}.process_executor": _loky for package in ("joblib.externals.loky", "loky")},
    **{f"{package}.reusable_executor": serial.install_loky for package in ("joblib.externals.loky", "loky")},
    "IPython.core.compilerop": hooks_notebook.install_compiler,
    "IPython.core.interactiveshell": hooks_notebook.install_shell,
    **{f"{package}.{name}": hook for package in ("gymnasium", "gym") for name, hook in hooks_gymnasium.MODULES.items()},
}
"""Module -> what to do right after it has been executed."""


class _AfterImport(importlib.abc.MetaPathFinder):
    """Finds modules as everybody else would, and hooks those in `LIBRARIES` once they are executed."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._busy: set[str] = set()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec that the other finders give, with a loader that hooks afterwards."""
        if fullname not in LIBRARIES or fullname in self._busy:
            return None
        self._busy.add(fullname)
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._busy.discard(fullname)
        if spec is not None and spec.loader is not None:
            _hook_loader(self._recorder, spec.loader, fullname)
        return spec


def _hook_loader(recorder: Recorder, loader: Any, name: str) -> None:
    """Let a loader call the hook after it has executed the module."""
    execute = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        execute(module)
        with recorder.quiet():
            LIBRARIES[name](recorder, module)

    loader.exec_module = exec_module


def install(recorder: Recorder, stress: frozenset[str] = frozenset()) -> None:
    """Hook this process."""
    recorder.stress = stress
    hooks_python.install(recorder)
    rewrite.install(recorder)
    for name, hook in LIBRARIES.items():
        if name in sys.modules:
            hook(recorder, sys.modules[name])
    sys.meta_path.insert(0, _AfterImport(recorder))
    hooks_process.install(recorder)
    hooks_programs.install(recorder)
    hooks_files.install(recorder)
    hooks_queues.install(recorder)
    hooks_tasks.install(recorder)
    hooks_saving.install(recorder)
    hooks_state.install(recorder)
    serial.install(recorder)
