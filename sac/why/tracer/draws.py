"""What a draw does that a line makes again and again: its first times are events, later ones go into blocks."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Hashable
from typing import Any

from .recorder import Recorder

Event = Callable[[Any, Any, Hashable], Any]


def traced_draw(
    recorder: Recorder, name: str, original: Callable[..., Any], event: Event, in_place: bool, blocks: bool = True
) -> Callable[..., Any]:
    """Return a traced function that draws.

    Args:
        recorder: of this process.
        name: of the function.
        original: the function.
        event: draws as an event of its own; is given the arguments, those with names, and the key of the line.
        in_place: whether it changes its first argument, and that is what it gives.
        blocks: whether it may go into a block.
    """

    @functools.wraps(original)
    def traced(*args: Any, **kwargs: Any) -> Any:
        if recorder.within():
            return original(*args, **kwargs)
        frame = sys._getframe(1)
        key = (id(frame.f_code), frame.f_lineno, name)
        block = recorder.blocks.of(key) if blocks else None
        if block is not None:
            return recorder.blocks.call(block, original, args, kwargs, in_place)
        return event(args, kwargs, key)

    return traced
