"""A pytest plugin: `assert_deterministic(function, seed=1)`, for anybody's tests, with the verdict of `sac why`."""

from __future__ import annotations

import inspect
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

_DRIVER = """
import importlib, importlib.util, sys
from _sac_why.place import Place
from _sac_why.recorder import current

sys.path[1:] = {path!r}
try:
    module = importlib.import_module({module!r})
except ModuleNotFoundError as error:
    if error.name != {module!r}:
        raise
    spec = importlib.util.spec_from_file_location({module!r}, {file!r})
    module = importlib.util.module_from_spec(spec)
    sys.modules[{module!r}] = module
    spec.loader.exec_module(module)
function = module
for name in {name!r}.split("."):
    function = getattr(function, name)
place = Place({shown!r}, {line}, {name!r}, 0, False, False)
current().flow("result", {name!r}, lambda: function(*{arguments!r}), lambda: ({{}}, {{}}), whole=False, place=place)
"""


def assert_deterministic(function: Callable[..., Any], seed: int | None = None, runs: int = 2) -> None:
    """Call a function in fresh processes, and fail with a verdict where two of them part.

    What it returns, and all that the tracer sees on the way, must be equal.

    Args:
        function: a function of a module, no lambda and none inside of another: fresh processes must find it.
        seed: its argument; without, it is called without any.
        runs: number of processes.
    """
    from sac.why.command import text_of
    from sac.why.launch import TracePlan
    from sac.why.outcome import EQUAL, outcome_of
    from sac.why.project import root_of
    from sac.why.question import ask
    from sac.why.variation import described, environments

    __tracebackhide__ = True
    # A decorator's file is not the function's.
    file = Path(inspect.getsourcefile(inspect.unwrap(function)) or "").resolve()
    if "<" in function.__qualname__ or not file.is_file():
        raise TypeError(f"{function.__qualname__}: fresh processes can't find it; define it at the top of a module")
    root = root_of(file.parent)
    with tempfile.TemporaryDirectory(prefix="sac-why-") as scratch:
        driver = Path(scratch) / "driver.py"
        driver.write_text(_driver(function, file, root, seed))
        plan = TracePlan([sys.executable, str(driver)], Path(scratch), variations=environments((), runs), root=root)
        asked = ask(plan, runs, described((), ()))
        for number, words in asked.failures.items():
            pytest.fail(f"{function.__qualname__} failed in process {number}:\n{words}", pytrace=False)
        status, trouble = outcome_of(asked.comparison)
        if status != EQUAL:
            pytest.fail("\n".join(filter(None, (text_of(asked.comparison), trouble))), pytrace=False)


def _driver(function: Callable[..., Any], file: Path, root: Path, seed: int | None) -> str:
    """Return the script that calls the function in a fresh process."""
    line = inspect.getsourcelines(inspect.unwrap(function))[1]
    return _DRIVER.format(
        # The folder of the driver comes first there, and the rest is what this process imports from.
        path=[os.path.abspath(entry) for entry in sys.path],
        module=function.__module__ if function.__module__ != "__main__" else file.stem,
        file=str(file),
        name=function.__qualname__,
        shown=os.path.relpath(file, root),
        line=line,
        arguments=() if seed is None else (seed,),
    )


@pytest.fixture(name="assert_deterministic")
def _assert_deterministic() -> Callable[..., None]:
    """The helper, as a fixture."""
    return assert_deterministic
