"""Runs a script under the tracer: `python sac/why/tracer/run.py script.py args…`, with settings in the environment.

It is started by its path, and names the package `_sac_why`: the folder of the script may hold a module called `sac`.
"""

from __future__ import annotations

import atexit
import importlib.util
import os
import platform
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = Path(__file__).resolve().parent
NAME = "_sac_why"
OWN = "SAC_WHY_"
TRACE, ROOT, UNTIL, SECONDS, STRESS, CLOCK, DEEP, MAIN, FORCE, LINES, CLOSE, ARRIVALS, RESULTS = (
    f"{OWN}{name}"
    for name in (
        *("TRACE", "ROOT", "UNTIL", "SECONDS", "STRESS", "CLOCK", "DEEP", "MAIN", "FORCE", "LINES", "CLOSE"),
        *("ARRIVALS", "RESULTS"),
    )
)
RUN = "SAC_WHY_RUN"
"""For the script itself: which run it is."""
HELPERS = (
    *("multiprocessing.resource_tracker", "multiprocessing.semaphore_tracker", "loky.backend.resource_tracker"),
    *("torch/_inductor/compile_worker", "triton/backends"),
)
"""Programs of Python's and of libraries that clean up or compile, and compute nothing: they aren't traced."""


def load_package() -> None:
    """Import this package under its private name."""
    spec = importlib.util.spec_from_file_location(NAME, HERE / "__init__.py", submodule_search_locations=[str(HERE)])
    if spec is None or spec.loader is None:
        raise ImportError(f"can't load the tracer from {HERE}")
    sys.modules[NAME] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


def start(path: str, header: dict[str, Any]) -> Any:
    """Start to record this process into `path`, or beside it if it isn't the first; returns the recorder."""
    load_package()
    module = importlib.import_module(f"{NAME}.recorder")
    seconds, until = float(os.environ.get(SECONDS, 0)), int(os.environ.get(UNTIL, 0))
    recorder = module.Recorder(path, os.environ.get(ROOT, os.getcwd()), until, seconds)
    recorder.force = importlib.import_module(f"{NAME}.force").Forced(os.environ.get(FORCE, ""))
    recorder.parent = os.environ.get(module.PARENT, "")
    # A copy of the environment that was made earlier has no slot, or that of another child.
    parent, _, slot = os.environ.pop(module.SLOT, "").partition(":")
    told = {"slot": int(slot)} if slot and parent == recorder.parent else {}
    # What ends while a process ends is recorded too: this is called after all that is registered later.
    atexit.register(recorder.close)
    # What this package reads of clocks itself is read before they are changed.
    hooks = importlib.import_module(f"{NAME}.hooks")
    recorder.arrivals, recorder.results = bool(os.environ.get(ARRIVALS)), bool(os.environ.get(RESULTS))
    recorder.look_closely(int(os.environ.get(CLOSE) or -1))
    words = importlib.import_module(f"{NAME}.redaction").redacted(header.pop("argv", []))
    recorder.open({**header, **told, "argv": words, "names": _names(), "environment": _environment()})
    stress = frozenset(filter(None, os.environ.get(STRESS, "").split(",")))
    importlib.import_module(f"{NAME}.vary").install(stress, os.environ.get(CLOCK, ""))
    hooks.install(recorder, stress)
    if os.environ.get(DEEP):
        importlib.import_module(f"{NAME}.operations").install(recorder, os.environ[DEEP])
    if os.environ.get(LINES):
        importlib.import_module(f"{NAME}.lines").install(recorder, os.environ[LINES])
    return recorder


def _names() -> list[list[str]]:
    """Return the names that the command gave to this run."""
    return importlib.import_module(f"{NAME}.masks").own_names()


def _environment() -> dict[str, Any]:
    """Return what of the machine and the shell is known to change results."""
    names = ("PYTHONHASHSEED", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "MKL_CBWR", "ATEN_CPU_CAPABILITY")
    found = {name: os.environ[name] for name in names if name in os.environ}
    cores = str(len(os.sched_getaffinity(0)))
    return {**found, "python": platform.python_version(), "machine": platform.machine(), "cores": cores}


def main(arguments: list[str]) -> None:
    """Execute a script as `python script.py …` would."""
    script = os.path.abspath(arguments[0])
    # What Python put first is this package's folder; a script expects its own there.
    sys.path[0] = os.path.dirname(script)
    sys.argv = arguments
    path = os.environ[TRACE]
    # Processes that are new interpreters begin in `inject/sitecustomize.py`, as soon as this is gone.
    os.environ.pop(MAIN, None)
    start(path, {"argv": arguments})
    module = ModuleType("__main__")
    module.__dict__.update(__builtins__=__builtins__, __spec__=None)
    sys.modules["__main__"] = module
    _execute(arguments[0], module)


def _execute(script: str, module: ModuleType) -> None:
    """Execute a script, rewritten, as the main module."""
    rewrite = importlib.import_module(f"{NAME}.rewrite")
    path = os.path.abspath(script)
    module.__dict__.update(__file__=script, __cached__=None)
    exec(rewrite.compile_own(Path(path).read_bytes(), path), module.__dict__)


def take_over(recorder: Any) -> None:
    """Let the interpreter that is starting execute its script rewritten, if that is the user's own."""
    waiting = [True]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event != "cpython.run_file" or not waiting:
            return
        waiting.clear()
        script = os.fsdecode(arguments[0])
        if recorder.places.own(os.path.abspath(script)) is not None:
            _execute(script, sys.modules["__main__"])
            # Python would execute it once more.
            raise SystemExit(0)

    hook.__cantrace__ = True  # type: ignore[attr-defined]
    sys.addaudithook(hook)


if __name__ == "__main__":
    main(sys.argv[1:])
