"""Work of fixed shape on a GPU, recorded once and launched as a whole from then on.

A launch costs the host 5 to 30 microseconds, more than most kernels of this package run for. A CUDA graph launches
thousands of them at once; the kernels, their order and so their bits stay the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import torch

Result = TypeVar("Result")


class CapturedCall(Generic[Result]):
    """A function without arguments that reads and writes fixed memory on the GPU.

    The first call runs it eagerly, which also loads every kernel. The second captures it. Later calls replay the
    graph, so Python code in the function runs in the first two calls only.

    Args:
        function: what to do. It must not wait for the device.
        stream: where to do it. Scratch memory and workspaces belong to a stream, so capture needs that of the first
            call; calls that must not overlap share one.
    """

    def __init__(self, function: Callable[[], Result], stream: torch.cuda.Stream) -> None:
        self._function, self._stream = function, stream
        self._graph: torch.cuda.CUDAGraph | None = None
        self._result: Result | None = None
        self._called = False

    def __call__(self) -> Result:
        """Return the function's result; from the second call on, the next call overwrites its memory."""
        current = torch.cuda.current_stream()
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            result = self._run()
        current.wait_stream(self._stream)
        return result

    def _run(self) -> Result:
        if not self._called:
            self._called = True
            return self._function()
        if self._graph is None:
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, stream=self._stream):
                self._result = self._function()
            self._graph = graph
        self._graph.replay()
        assert self._result is not None
        return self._result
