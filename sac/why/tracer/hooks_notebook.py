"""Hooks on IPython: the cells of a notebook are the user's own code, and are called by their numbers."""

from __future__ import annotations

import functools
from typing import Any

from .recorder import Recorder
from .rewrite import rewritten


def install_compiler(recorder: Recorder, module: Any) -> None:
    """Hook `IPython.core.compilerop`: it gives the code of each cell a name."""
    original = module.CachingCompiler.cache

    @functools.wraps(original)
    def cache(self: Any, transformed_code: str, number: int = 0, *args: Any, **kwargs: Any) -> Any:
        name = original(self, transformed_code, number, *args, **kwargs)
        if number:
            recorder.places.cells[name] = number
        return name

    module.CachingCompiler.cache = cache


def install_shell(recorder: Recorder, module: Any) -> None:
    """Hook `IPython.core.interactiveshell`: cells are rewritten, as modules are."""

    class Rewriter:
        """One of the transformers that IPython asks for a cell's syntax tree."""

        def visit(self, tree: Any) -> Any:
            """Return the tree with the tracer's helpers in it."""
            return rewritten(tree, "<cell 0>")

    original = module.InteractiveShell.__init__

    @functools.wraps(original)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        self.ast_transformers.append(Rewriter())

    module.InteractiveShell.__init__ = init
