"""Hands the draws of one thread to generators of its own.

``with OwnDraws(generators):`` the functions of `random`, `numpy.random` and `torch` that draw from the process's global
generators draw from `generators` instead, where the thread that entered calls them. All other threads go on with the
global ones, so none can change what this one draws. For that the libraries' functions are replaced once, by `install`,
with callables that look whether their thread has entered; otherwise each calls the function that it replaces.

Not a `TorchFunctionMode`, though one holds for a single thread too: it would be called for every function of torch, 142
times in a step of StackCube, and make the step an eighth slower at best.
"""

from __future__ import annotations

import random
import threading
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from sac.envs.maniskill.torch_draws import TORCH_DRAWS

# Any: NumPy's stubs know nothing of its global generator.
_NUMPY_GLOBAL: Any = np.random.mtrand._rand
# NumPy's own functions that are no methods of its global generator, and the method that each comes down to.
_NUMPY_ALIASES = {"seed": "seed", "ranf": "random_sample", "sample": "random_sample"}


@dataclass(frozen=True)
class Generators:
    """One generator for each library."""

    python: random.Random
    numpy: np.random.RandomState
    torch: torch.Generator

    @classmethod
    def seeded(cls, seed: int) -> Generators:
        """Return generators that start where the global ones would with `seed`, at least 0 and below 2**32."""
        return cls(random.Random(seed), np.random.RandomState(seed), torch.Generator().manual_seed(seed))


class _Thread(threading.local):
    """What the current thread has entered."""

    generators: Generators | None = None


_thread = _Thread()


class OwnDraws:
    """A context manager in which the current thread draws from `generators`; it nests."""

    def __init__(self, generators: Generators) -> None:
        install()
        self.generators = generators
        self._outer: list[Generators | None] = []

    def __enter__(self) -> OwnDraws:
        self._outer.append(_thread.generators)
        _thread.generators = self.generators
        return self

    def __exit__(self, *_: object) -> None:
        _thread.generators = self._outer.pop()

    def seed(self, seed: int) -> None:
        """Start the generators again from `seed`, also from within."""
        inside = bool(self._outer)
        self.generators = Generators.seeded(seed)
        if inside:
            _thread.generators = self.generators


class Redirected:
    """Stands for a library's function; looks for the current thread's own generators first.

    It is equal to the function that it stands for and has its hash. Tables of `__torch_function__` handlers, whose keys
    are functions, so find either by the other.

    Args:
        original: the library's function.
        redirect: (generators, arguments…) -> what `original` returns, drawn from `generators`.
        module: where others find the function by its name.
    """

    def __init__(self, original: Callable[..., Any], redirect: Callable[..., Any], module: str) -> None:
        self.__wrapped__ = original
        self._redirect = redirect
        self.__name__ = original.__name__
        self.__module__ = module
        self.__doc__ = original.__doc__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: D102  the function's own docstring is kept
        generators = _thread.generators
        if generators is None:
            return self.__wrapped__(*args, **kwargs)
        return self._redirect(generators, *args, **kwargs)

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __getattr__(self, name: str) -> Any:
        # Only reached for what is no attribute of this object: `__self__` and the like are the function's own.
        if name == "__wrapped__":
            raise AttributeError(name)
        return getattr(self.__wrapped__, name)

    def __eq__(self, other: object) -> bool:
        return self is other or bool(self.__wrapped__ == other)

    def __hash__(self) -> int:
        return hash(self.__wrapped__)

    def __reduce__(self) -> str:
        # By its name, as functions are.
        return self.__name__


def install() -> None:
    """Replace the functions that draw from global generators, those that read and write their states too; once."""
    if isinstance(random.random, Redirected):
        return
    _install_python()
    _install_numpy()
    for owner, name, redirect in TORCH_DRAWS:
        if hasattr(owner, name):
            _replace(
                owner, name, lambda own, *args, _redirect=redirect, **kwargs: _redirect(own.torch, *args, **kwargs)
            )


def _install_python() -> None:
    inner = random._inst
    for name in [name for name in dir(random) if getattr(getattr(random, name), "__self__", None) is inner]:
        _replace(random, name, lambda own, *args, _name=name, **kwargs: getattr(own.python, _name)(*args, **kwargs))


def _install_numpy() -> None:
    methods = {name: name for name in dir(np.random) if _is_numpy_method(getattr(np.random, name))}
    for name, method in {**methods, **_NUMPY_ALIASES}.items():
        for module in (np.random, np.random.mtrand):
            _replace(module, name, lambda own, *args, _method=method, **kw: getattr(own.numpy, _method)(*args, **kw))


def _is_numpy_method(value: object) -> bool:
    return getattr(value, "__self__", None) is _NUMPY_GLOBAL


def _replace(owner: Any, name: str, redirect: Callable[..., Any]) -> None:
    original = getattr(owner, name)
    replacement = Redirected(original, redirect, owner.__name__)
    setattr(owner, name, replacement)
    _tell_torchscript(original, replacement)


def _tell_torchscript(original: object, replacement: Redirected) -> None:
    """Register the replacement where TorchScript looks a function up: by its address, in a table made on first use."""
    builtins: Any = torch.jit._builtins
    known = (builtins._builtin_table or {}).get(id(original))
    if known is not None:
        builtins._register_builtin(replacement, known)
