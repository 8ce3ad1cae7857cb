"""A pytest plugin: `assert_deterministic(function, seed=1)`, for anybody's tests, with the verdict of `sac why`."""

from __future__ import annotations

import inspect
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

_DRIVER = """
import importlib.util, sys
from _sac_why.place import Place
from _sac_why.recorder import current

sys.path.insert(0, {folder!r})
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
    from sac.why.launch import Plan, run_all
    from sac.why.sharing import note_sharing

    __tracebackhide__ = True
    file = Path(inspect.getsourcefile(function) or "").resolve()
    if "<" in function.__qualname__ or not file.is_file():
        raise TypeError(f"{function.__qualname__}: fresh processes can't find it; define it at the top of a module")
    with tempfile.TemporaryDirectory(prefix="sac-why-") as scratch:
        driver = Path(scratch) / "driver.py"
        driver.write_text(_driver(function, file, seed))
        plan = Plan([sys.executable, str(driver)], Path(scratch), variations=[{}] * runs, root=file.parent)
        made, twins = run_all(plan, runs)
        failed = next((run for run in made if run.process.returncode and run.process.returncode > 0), None)
        if failed is not None:
            pytest.fail(f"{function.__qualname__} failed:\n{failed.words}", pytrace=False)
        lost = next((run.lost for run in made if run.lost), None)
        if lost is not None:
            pytest.fail(f"{function.__qualname__}: {lost}", pytrace=False)
        for one in twins:
            comparison = one.comparison()
            note_sharing(comparison, ("", ""))
            if not comparison.equal:
                pytest.fail(text_of(comparison), pytrace=False)


def _driver(function: Callable[..., Any], file: Path, seed: int | None) -> str:
    """Return the script that calls the function in a fresh process."""
    line = inspect.getsourcelines(function)[1]
    return _DRIVER.format(
        folder=str(file.parent),
        module=f"traced_{file.stem}",
        file=str(file),
        name=function.__qualname__,
        shown=file.name,
        line=line,
        arguments=() if seed is None else (seed,),
    )


@pytest.fixture(name="assert_deterministic")
def _assert_deterministic() -> Callable[..., None]:
    """The helper, as a fixture."""
    return assert_deterministic
