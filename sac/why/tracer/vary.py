"""What must not matter is made to differ in this process: the clocks, and when threads take turns.

Both runs of a comparison start in the same second, on one machine. A seed that is made of the hour would be the same in
both, and their answer would be "equal". So every run but the first lives in another month; in the second the clocks go
faster, and in the third slower: what is done once in so many seconds is done at other steps in one of them.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

SHIFT = 33 * 86_400 + 5 * 3600 + 17 * 60 + 13
"""Seconds by which the clock is put forward: another month, day of the week, hour, minute and second."""

RATE = 2
"""Seconds that pass on a clock in one second: what counts steps against the clock counts far fewer."""

SLOW = "slow"
"""Word for a run whose clocks go slower instead."""

SLOWLY = 4
"""Seconds in which one second passes there. Where both other runs are late at each step, this one may be in time."""

SWITCH = 0.0005
"""Seconds after which another thread gets its turn; by itself Python gives it 0.005."""

_BROKEN_DOWN = {"localtime": 0, "gmtime": 0, "ctime": 0}
_origin: list[str] = []
_started = [time.time()]


def origin() -> str:
    """Return the instant from which a run's clocks go faster, for its environment: all its processes share it."""
    return f"{time.time()!r},{time.monotonic()!r}"


def install(stress: frozenset[str], clock: str) -> None:
    """Change this process.

    Args:
        stress: what is to differ: `clock` (and with it `slow`), `threads`.
        clock: what `origin` said when the run was started.
    """
    if "threads" in stress:
        import sys

        sys.setswitchinterval(SWITCH)
    if "clock" in stress and clock:
        wall, monotonic = map(float, clock.split(","))
        _origin[:] = [clock]
        _started[:] = [wall + SHIFT]
        _clocks(wall, monotonic, _slower if SLOW in stress else _faster)


def started() -> float:
    """Return the instant at which this process, or its run, began, by the run's own clock."""
    return _started[0]


def shifted(value: Any, name: str) -> Any:
    """Return what the class method `name` of `datetime` or `date`, which has just given a value, gives here."""
    if not _origin:
        return value
    zone = getattr(value, "tzinfo", None)
    if name == "utcnow":
        return type(value)(*time.gmtime()[:6], value.microsecond)
    return type(value).fromtimestamp(time.time(), *([] if zone is None else [zone]))


def _faster(passed: Any) -> Any:
    """Return what has passed on a clock that goes faster, of seconds or of nanoseconds."""
    return passed * RATE


def _slower(passed: Any) -> Any:
    """Return what has passed on a clock that goes slower."""
    return passed // SLOWLY if isinstance(passed, int) else passed / SLOWLY


def _clocks(wall: float, monotonic: float, pace: Callable[[Any], Any]) -> None:
    """Replace the clocks of the module `time`."""
    starts = {"time": wall, "monotonic": monotonic, "perf_counter": monotonic}
    shifts = {"time": SHIFT, "monotonic": 0, "perf_counter": 0}
    for name, start in starts.items():
        nanoseconds = f"{name}_ns"
        setattr(time, name, _paced(getattr(time, name), start, shifts[name], pace))
        changed = _paced(getattr(time, nanoseconds), int(start * 1e9), shifts[name] * 10**9, pace)
        setattr(time, nanoseconds, changed)
    for name in _BROKEN_DOWN:
        setattr(time, name, _now_as_argument(getattr(time, name), 0))
    for name in ("clock_gettime", "clock_gettime_ns"):
        setattr(time, name, _by_number(getattr(time, name), name.replace("clock_gettime", "")))
    time.strftime = _with_time(time.strftime, 1)
    time.asctime = _with_time(time.asctime, 0)


def _paced(original: Callable[[], Any], start: Any, shift: int, pace: Callable[[Any], Any]) -> Callable[[], Any]:
    """Return a clock that is put forward, and goes at another pace from `start` on."""

    @functools.wraps(original)
    def clock() -> Any:
        return start + shift + pace(original() - start)

    return clock


def _by_number(original: Callable[[int], Any], ending: str) -> Callable[[int], Any]:
    """Return a function that asks the changed clock of a number, where there is one."""
    changed = {time.CLOCK_REALTIME: getattr(time, f"time{ending}")}
    changed[time.CLOCK_MONOTONIC] = getattr(time, f"monotonic{ending}")

    @functools.wraps(original)
    def clock(number: int) -> Any:
        return changed[number]() if number in changed else original(number)

    return clock


def _now_as_argument(original: Callable[..., Any], place: int) -> Callable[..., Any]:
    """Return a function that takes the changed clock's time, where it was given none."""

    @functools.wraps(original)
    def traced(*args: Any) -> Any:
        return original(*args) if len(args) > place and args[place] is not None else original(time.time())

    return traced


def _with_time(original: Callable[..., Any], place: int) -> Callable[..., Any]:
    """Return a function that takes the changed clock's time as nine numbers, where it was given none."""

    @functools.wraps(original)
    def traced(*args: Any) -> Any:
        return original(*args) if len(args) > place else original(*args, time.localtime())

    return traced
