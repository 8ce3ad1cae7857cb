"""Starts the tracer in interpreters that a traced process starts: Python finds this file through PYTHONPATH."""

import importlib.util
import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))


def _run_next() -> None:
    """Execute the `sitecustomize` that this one hides, if there is one."""
    import importlib.machinery

    rest = [entry for entry in sys.path if os.path.abspath(entry or ".") != _HERE]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", rest)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


def _start() -> None:
    """Record this process into a file of its own, beside that of its parent."""
    path = os.path.join(os.path.dirname(_HERE), "run.py")
    spec = importlib.util.spec_from_file_location("_sac_why_run", path)
    if spec is None or spec.loader is None:
        return
    run = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(run)
    words = " ".join(sys.orig_argv).replace(os.sep, "/")
    if any(name in words for name in run.HELPERS):
        return
    # A program has lines of its own; a worker may run nothing but a library's.
    worker = any(name in words for name in ("multiprocessing.spawn", "multiprocessing.forkserver", "loky"))
    lasting = "multiprocessing.forkserver" in words
    run.take_over(run.start(os.environ["SAC_WHY_TRACE"], {"worker": worker, "lasting": lasting, "argv": sys.orig_argv}))


_run_next()
# `script`: run.py starts the tracer itself, and rewrites the main module.
if os.environ.get("SAC_WHY_TRACE") and os.environ.get("SAC_WHY_MAIN") != "script":
    os.environ.pop("SAC_WHY_MAIN", None)
    _start()
