"""Tells tasks apart by the order in which they were handed in: which thread of a pool takes one, and when, is a race.

What happens in a task has the task's number as a part of its identity. So two runs whose threads took the tasks in
other turns are held against each other task by task. An item that a thread takes out of a queue is a task too. The
tasks of an event loop have numbers of asyncio's own.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Any

_local = threading.local()
_KERNEL = os.path.join(os.sep, "ipykernel", "")


def of_thread() -> str:
    """Return what tells the task that this thread works on; empty for none."""
    task: str = getattr(_local, "task", "")
    return task


def of_loop() -> str:
    """Return the name of the running task of this thread's event loop; empty where there is none."""
    # Where nobody has imported it there is no loop; whoever reads traces needs none.
    asyncio: Any = sys.modules.get("asyncio")
    loop = None if asyncio is None else asyncio._get_running_loop()
    task = None if loop is None else asyncio.current_task(loop)
    return "" if task is None or _runs_cells(task) else task.get_name()


def _runs_cells(task: Any) -> bool:
    """Whether a task is a kernel's, which executes a notebook's cells: its number tells what else the kernel was asked.

    Cells come one after the other, so nothing is lost without it.
    """
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and _KERNEL in code.co_filename


def take(name: str) -> None:
    """Note that this thread works on a task from now on."""
    _local.task = name


def called_in(name: str, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Call a function as a task; returns what it returned."""
    before, _local.task = of_thread(), name
    try:
        return function(*args, **kwargs)
    finally:
        _local.task = before
