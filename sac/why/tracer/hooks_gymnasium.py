"""Hooks on gymnasium: spaces, environments and vector environments, of every class that derives from its own."""

from __future__ import annotations

import functools
import sys
import threading
import weakref
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from . import hooks_numpy
from .blocks import Block
from .generators import NEVER
from .hooks_python import born_at
from .place import Place
from .recorder import Recorder, current


def _wrap_in_subclasses(base: type, wrappers: Mapping[str, Callable[[Callable[..., Any]], Callable[..., Any]]]) -> None:
    """Wrap methods of a class, and of every class that will be derived from it, where it is defined."""

    def wrap(owner: type) -> None:
        for name, wrapper in wrappers.items():
            method = vars(owner).get(name)
            if callable(method) and not hasattr(method, "_sac_why"):
                traced = functools.wraps(method)(wrapper(method))
                traced._sac_why = True  # type: ignore[attr-defined]
                setattr(owner, name, traced)

    plain = base.__init_subclass__

    def init_subclass(cls: type, **options: Any) -> None:
        plain.__func__(cls, **options)  # type: ignore[attr-defined]
        wrap(cls)

    for known in [base, *base.__subclasses__()]:
        wrap(known)
    base.__init_subclass__ = classmethod(init_subclass)  # type: ignore[assignment]


def install_spaces(recorder: Recorder, module: Any) -> None:
    """Hook `gymnasium.spaces.space`: what is sampled, and from a space that somebody seeded or not."""

    def traced_sample(method: Callable[..., Any]) -> Callable[..., Any]:
        def sample(self: Any, *args: Any, **kwargs: Any) -> Any:
            if recorder.within():
                return method(self, *args, **kwargs)

            def describe() -> Any:
                unseeded = space_is_unseeded(recorder, self)
                state = NEVER if unseeded else _space_state(self)
                return {"space": repr(self), "arguments": (args, kwargs), "generator": state}, {
                    "seeded": not unseeded,
                    "generator": f"the generator of a {type(self).__name__} space",
                    "object": True,
                    "born": born_at(_birth(recorder, self)),
                }

            return recorder.flow("space.sample", "Space.sample", lambda: method(self, *args, **kwargs), describe)

        return sample

    def traced_seed(method: Callable[..., Any]) -> Callable[..., Any]:
        def seed(self: Any, seed: Any = None) -> Any:
            if recorder.within():
                return method(self, seed)
            facts = {"generator": "a space"}
            call = functools.partial(method, self, seed)
            return recorder.flow("seed", "Space.seed", call, lambda: ({}, facts), lambda _: {"seed": seed})

        return seed

    _wrap_in_subclasses(module.Space, {"sample": traced_sample, "seed": traced_seed})


def space_is_unseeded(recorder: Recorder, space: Any) -> bool:
    """Whether a space, or one that it is made of, has no generator yet or one born of entropy."""
    parts = getattr(space, "spaces", None)
    if parts:
        return any(
            space_is_unseeded(recorder, part) for part in (parts.values() if hasattr(parts, "values") else parts)
        )
    generator = getattr(space, "_np_random", None)
    return generator is None or hooks_numpy.born_of_entropy(recorder, generator)


def _birth(recorder: Recorder, space: Any) -> Place | None:
    """Return the line at which a space, or the first of its parts, took its seed from entropy; None if none did."""
    parts = getattr(space, "spaces", None)
    if parts:
        places = (_birth(recorder, part) for part in (parts.values() if hasattr(parts, "values") else parts))
        return next(filter(None, places), None)
    generator = getattr(space, "_np_random", None)
    return None if generator is None else hooks_numpy.birth(recorder, generator)[1]


def _space_state(space: Any) -> Any:
    """Return the states of the generators of a space."""
    parts = getattr(space, "spaces", None)
    if parts:
        return [_space_state(part) for part in (parts.values() if hasattr(parts, "values") else parts)]
    return space._np_random.bit_generator.state


class _Inside(threading.local):
    """Whether this thread is in a method of an environment: wrappers around one environment are one environment.

    Args:
        level: `env` or `vector`.
    """

    now = False

    def __init__(self, level: str) -> None:
        self.level = level

    def __reduce__(self) -> tuple[Callable[[str], _Inside], tuple[str]]:
        # Classes of `__main__` are pickled by value for workers, hooked methods and all: there they find their own.
        return _shared_inside, (self.level,)


class _Environments:
    """Knows environments by the order of their creation, and seeds given to those inside of a vector."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self._known: dict[int, tuple[Any, str]] = {}
        self._counts: dict[str, int] = {}
        self.inside = {level: _Inside(level) for level in ("env", "vector")}
        self.inner_seeds: list[Any] | None = None

    def __reduce__(self) -> tuple[Callable[[], _Environments], tuple[()]]:
        return shared_environments, ()

    def name(self, env: Any) -> str:
        """Return the class and the number of an environment."""
        entry = self._known.get(id(env))
        if entry is None or entry[0]() is not env:
            kind = type(env).__name__
            self._counts[kind] = self._counts.get(kind, 0) + 1
            known, place = self._known, id(env)

            def forget(gone: Any) -> None:
                if known.get(place, (None,))[0] is gone:
                    del known[place]

            entry = self._known[place] = (weakref.ref(env, forget), f"{kind} {self._counts[kind]}")
        return entry[1]

    def reset(self, level: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Return the wrapper of `reset` for `env` or `vector`."""
        inside, recorder = self.inside[level], self.recorder

        def wrapper(method: Callable[..., Any]) -> Callable[..., Any]:
            def reset(env: Any, *args: Any, **kwargs: Any) -> Any:
                seed = kwargs.get("seed", args[0] if args else None)
                if level == "env" and self.inner_seeds is not None and not inside.now:
                    self.inner_seeds.append(seed)
                if inside.now or recorder.within():
                    return method(env, *args, **kwargs)
                frame = sys._getframe(1)
                key = (id(frame.f_code), frame.f_lineno, id(env))
                block = recorder.blocks.of(key)
                if block is not None and seed is None and level == "env":
                    return self._in_block(inside, block, method, env, args, kwargs, 1)
                return self._reset(level, env, seed, functools.partial(method, env, *args, **kwargs), kwargs, key)

            return reset

        return wrapper

    def _reset(
        self, level: str, env: Any, seed: Any, call: Callable[[], Any], kwargs: Mapping[str, Any], key: Hashable
    ) -> Any:
        facts: dict[str, Any] = {"env": self.name(env), "seeded": seed is not None}

        def describe() -> Any:
            shown = seed.tolist() if hasattr(seed, "tolist") else seed
            return {"seed": shown, "options": kwargs.get("options")}, facts

        def outputs(result: Any) -> Mapping[str, Any]:
            if level == "vector":
                facts["shared_seeds"] = _shared(seed, self.inner_seeds)
            return {"observation": result[0] if isinstance(result, tuple) else result}

        if level == "vector":
            self.inner_seeds = []
        try:
            return self.recorder.flow(
                *(f"{level}.reset", "reset", lambda: self._go_inside(level, call), describe, outputs),
                whole=False,
                watch=True,
                key=key if seed is None else None,
            )
        finally:
            if level == "vector":
                self.inner_seeds = None

    def step(self, level: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Return the wrapper of `step` for `env` or `vector`."""
        inside, recorder, caller = self.inside[level], self.recorder, sys._getframe

        def wrapper(method: Callable[..., Any]) -> Callable[..., Any]:
            def step(env: Any, *args: Any, **kwargs: Any) -> Any:
                # Every step of a long loop comes by here, and by each wrapper: nothing is called that needn't be.
                if inside.now or (recorder.depth and recorder.within()):
                    return method(env, *args, **kwargs)
                frame = caller(1)
                key = (id(frame.f_code), frame.f_lineno, id(env))
                block = recorder.blocks.of(key)
                if block is not None:
                    return self._in_block(inside, block, method, env, args, kwargs, 4)
                return self._step(level, env, functools.partial(method, env, *args, **kwargs), (args, kwargs), key)

            return step

        return wrapper

    def _step(self, level: str, env: Any, call: Callable[[], Any], action: Any, key: Hashable) -> Any:
        def describe() -> Any:
            return {"action": action}, {"env": self.name(env)}

        def outputs(result: Any) -> Mapping[str, Any]:
            names = ("observation", "reward", "terminated", "truncated")
            return dict(zip(names, result, strict=False)) if isinstance(result, tuple) else {"result": result}

        return self.recorder.flow(
            *(f"{level}.step", "step", lambda: self._go_inside(level, call), describe, outputs),
            whole=False,
            watch=True,
            key=key,
        )

    def _in_block(
        self, inside: _Inside, block: Block, method: Callable[..., Any], env: Any, args: Any, kwargs: Any, parts: int
    ) -> Any:
        """Step or reset, as one of many events; of what comes back, so many parts are compared."""
        blocks = self.recorder.blocks
        if not block.count:
            blocks.begin(block)
        inside.now = True
        try:
            result = method(env, *args, **kwargs)
        finally:
            inside.now = False
        blocks.add(block, args, kwargs, result[:parts] if isinstance(result, tuple) else result)
        return result

    def _go_inside(self, level: str, call: Callable[[], Any]) -> Any:
        """Call; what happens in there is not of the user's own lines."""
        inside = self.inside[level]
        inside.now = True
        try:
            return call()
        finally:
            inside.now = False


def _shared(seed: Any, inner: list[Any] | None) -> list[Any]:
    """Return the seeds that more than one of a vector's environments got."""
    seeds = seed.tolist() if hasattr(seed, "tolist") else seed
    given = [*(seeds if isinstance(seeds, (list, tuple)) else ()), *()] or list(inner or ())
    return sorted({one for one in given if one is not None and given.count(one) > 1})


_environments: list[_Environments] = []


def shared_environments() -> _Environments:
    """Return the one object that knows the environments of this process."""
    if not _environments:
        _environments.append(_Environments(current()))
    return _environments[0]


def _shared_inside(level: str) -> _Inside:
    return shared_environments().inside[level]


def install_envs(recorder: Recorder, module: Any, level: str) -> None:
    """Hook `gymnasium.core` (level `env`) or `gymnasium.vector.vector_env` (level `vector`)."""
    base = module.Env if level == "env" else module.VectorEnv
    environments = shared_environments()
    _wrap_in_subclasses(base, {"reset": environments.reset(level), "step": environments.step(level)})


def install_making(recorder: Recorder, module: Any) -> None:
    """Hook `gymnasium.make` and its like: what is drawn while an environment is built belongs to that line."""
    for name in filter(functools.partial(hasattr, module), ("make", "make_vec")):
        original = getattr(module, name)

        def traced(*args: Any, _original: Callable[..., Any] = original, **kwargs: Any) -> Any:
            if recorder.within():
                return _original(*args, **kwargs)
            call = functools.partial(_original, *args, **kwargs)
            facts = {"env": str(args[0]) if args else ""}
            return recorder.flow("env.make", "make", call, lambda: ({}, facts), lambda _: {}, False, watch=True)

        setattr(module, name, functools.wraps(original)(traced))


MODULES: dict[str, Callable[[Recorder, Any], None]] = {
    "spaces.space": install_spaces,
    "core": functools.partial(install_envs, level="env"),
    "vector.vector_env": functools.partial(install_envs, level="vector"),
    "envs.registration": install_making,
}
"""Module of gymnasium, or of gym as it was called before -> what to do right after it has been executed."""
