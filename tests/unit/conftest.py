"""What unit tests share, and what they may not do: start a Python or a shell, fork, or sleep."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

import pytest

REFUSED = "a unit test answers in its own process and without waiting: this one belongs to tests/integration"
_watched = False


def _starts_a_process(event: str, arguments: tuple[Any, ...]) -> bool:
    """Whether an audit event tells of a fork, a Python or a shell; what libraries ask of git, say, is not ours."""
    if event != "subprocess.Popen":
        return event == "os.fork"
    program = PurePath(os.fsdecode(arguments[0] or arguments[1][0])).name
    return program in ("sh", "bash") or program.startswith("python")


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _watched and _starts_a_process(event, arguments):
        raise AssertionError(f"{REFUSED} ({event})")


# A hook can't be taken away again: it is asleep outside of unit tests.
sys.addaudithook(_audit)


def _sleep(seconds: float) -> None:
    """Refuse the project's own code to sleep; `subprocess` does where it waits for git, say."""
    if sys._getframe(1).f_globals["__name__"].partition(".")[0] in ("sac", "tests", "tools"):
        raise AssertionError(f"{REFUSED} (time.sleep({seconds}))")
    _own_sleep(seconds)


_own_sleep = time.sleep


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Watch a unit test, its fixtures included."""
    global _watched
    _watched = True
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(time, "sleep", _sleep)
            return (yield)
    finally:
        _watched = False


@pytest.fixture
def one_thread() -> Iterator[None]:
    """One CPU thread of torch; afterwards as many as before."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
