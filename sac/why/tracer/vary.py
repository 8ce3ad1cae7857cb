"""What must not matter is made to differ in this process: the clocks, and when threads take turns.

Both runs of a comparison start in the same second, on one machine. A seed that is made of the hour would be the same in
both, and their answer would be "equal". So every second run lives in another month, and its clocks go faster.
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

SWITCH = 0.0005
"""Seconds after which another thread gets its turn; by itself Python gives it 0.005."""

_BROKEN_DOWN = {"localtime": 0, "gmtime": 0, "ctime": 0}
_origin: list[str] = []


def origin() -> str:
    """Return the instant from which a run's clocks go faster, for its environment: all its processes share it."""
    return f"{time.time()!r},{time.monotonic()!r}"


def install(stress: frozenset[str], clock: str) -> None:
    """Change this process.

    Args:
        stress: what is to differ: `clock`, `threads`.
        clock: what `origin` said when the run was started.
    """
    if "threads" in stress:
        import sys

        sys.setswitchinterval(SWITCH)
    if "clock" in stress and clock:
        wall, monotonic = map(float, clock.split(","))
        _origin[:] = [clock]
        _clocks(wall, monotonic)


def shifted(value: Any, name: str) -> Any:
    """Return what the class method `name` of `datetime` or `date`, which has just given a value, gives here."""
    if not _origin:
        return value
    zone = getattr(value, "tzinfo", None)
    if name == "utcnow":
        return type(value)(*time.gmtime()[:6], value.microsecond)
    return type(value).fromtimestamp(time.time(), *([] if zone is None else [zone]))


def _clocks(wall: float, monotonic: float) -> None:
    """Replace the clocks of the module `time`."""
    starts = {"time": wall, "monotonic": monotonic, "perf_counter": monotonic}
    shifts = {"time": SHIFT, "monotonic": 0, "perf_counter": 0}
    for name, start in starts.items():
        setattr(time, name, _faster(getattr(time, name), start, shifts[name]))
        setattr(time, f"{name}_ns", _faster_ns(getattr(time, f"{name}_ns"), int(start * 1e9), shifts[name] * 10**9))
    for name in _BROKEN_DOWN:
        setattr(time, name, _now_as_argument(getattr(time, name), 0))
    for name in ("clock_gettime", "clock_gettime_ns"):
        setattr(time, name, _by_number(getattr(time, name), name.replace("clock_gettime", "")))
    time.strftime = _with_time(time.strftime, 1)
    time.asctime = _with_time(time.asctime, 0)


def _faster(original: Callable[[], float], start: float, shift: float) -> Callable[[], float]:
    @functools.wraps(original)
    def clock() -> float:
        return start + shift + (original() - start) * RATE

    return clock


def _faster_ns(original: Callable[[], int], start: int, shift: int) -> Callable[[], int]:
    @functools.wraps(original)
    def clock() -> int:
        return start + shift + (original() - start) * RATE

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
