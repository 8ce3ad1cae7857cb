"""Hooks on NumPy: the global generator, and generators of the script's own."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .hooks_python import generator_input
from .recorder import Recorder

GLOBAL = "NumPy's global generator"
DRAWS = (
    *("rand", "randn", "randint", "random", "random_sample", "uniform", "normal", "standard_normal", "choice"),
    *("permutation", "shuffle", "permuted", "integers", "exponential", "beta", "gamma", "poisson", "binomial"),
    *("multivariate_normal", "laplace", "bytes", "ranf", "sample", "dirichlet", "multinomial", "lognormal"),
)
_IN_PLACE = ("shuffle",)


def born_of_entropy(recorder: Recorder, generator: Any) -> bool:
    """Whether a `Generator` took its seed from the operating system: the value it got was seen on the way."""
    seed_sequence = getattr(generator.bit_generator, "seed_seq", None)
    return getattr(seed_sequence, "entropy", None) in recorder.entropy


def install(recorder: Recorder, numpy_random: Any) -> None:
    """Hook the module `numpy.random`."""
    for name in DRAWS:
        if hasattr(numpy_random, name):
            setattr(numpy_random, name, _global_draw(recorder, name, getattr(numpy_random, name), numpy_random))
    numpy_random.seed = _global_seed(recorder, numpy_random.seed)
    set_state = numpy_random.set_state

    @functools.wraps(set_state)
    def traced_set_state(*args: Any, **kwargs: Any) -> None:
        set_state(*args, **kwargs)
        recorder.seeded.add(GLOBAL)

    numpy_random.set_state = traced_set_state
    generator = _traced_class(recorder, numpy_random.Generator, "Generator")
    default_rng = numpy_random.default_rng

    @functools.wraps(default_rng)
    def traced_default_rng(seed: Any = None) -> Any:
        if recorder.within() or isinstance(seed, numpy_random.Generator):
            return default_rng(seed)
        facts = {"generator": "a new Generator", "unseeded": seed is None}
        if seed is None:
            return generator(default_rng().bit_generator)
        return recorder.flow(
            *("seed", "default_rng", lambda: generator(default_rng(seed).bit_generator)),
            *(lambda: ({}, facts), lambda made: {"seed": _plain_seed(seed)}),
        )

    numpy_random.default_rng = traced_default_rng
    numpy_random.RandomState = _traced_class(recorder, numpy_random.RandomState, "RandomState")


def _plain_seed(seed: Any) -> Any:
    """Return a seed as a value; of a seed sequence, its entropy and key."""
    entropy = getattr(seed, "entropy", None)
    return seed if entropy is None else (entropy, getattr(seed, "spawn_key", ()))


def _global_seed(recorder: Recorder, seed: Callable[..., None]) -> Callable[..., None]:
    """Return the traced `numpy.random.seed`."""

    @functools.wraps(seed)
    def traced(*args: Any, **kwargs: Any) -> None:
        if recorder.within():
            return seed(*args, **kwargs)
        value = args[0] if args else kwargs.get("seed")
        facts = {"generator": GLOBAL, "unseeded": value is None}
        call = functools.partial(seed, *args, **kwargs)
        recorder.flow("seed", "numpy.random.seed", call, lambda: ({}, facts), lambda _: {"seed": value})
        recorder.seeded.discard(GLOBAL) if value is None else recorder.seeded.add(GLOBAL)
        return None

    return traced


def _global_draw(recorder: Recorder, name: str, original: Callable[..., Any], module: Any) -> Callable[..., Any]:
    """Return a traced function that draws from the global generator."""

    @functools.wraps(original)
    def traced(*args: Any, **kwargs: Any) -> Any:
        if recorder.within():
            return original(*args, **kwargs)
        facts = {"generator": GLOBAL, "seeded": GLOBAL in recorder.seeded}

        def describe() -> Any:
            state = functools.partial(module.get_state, legacy=True)
            return {"arguments": (args, kwargs), **generator_input(recorder, GLOBAL, state)}, facts

        changed = (lambda _: {"result": args[0]}) if name in _IN_PLACE else None
        return recorder.flow("draw", f"numpy.random.{name}", lambda: original(*args, **kwargs), describe, changed)

    return traced


def _traced_class(recorder: Recorder, plain: type, name: str) -> Any:
    """Return a class that stands in for a generator class of NumPy's, and whose draws are events.

    The originals are written in C, and their methods can't be replaced. What was made by the original still counts as
    an instance, and pickles are those of the original.
    """

    class Meta(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, plain)

        def __subclasscheck__(cls, subclass: type) -> bool:
            return issubclass(subclass, plain)

    space: dict[str, Any] = {"__module__": plain.__module__, "__doc__": plain.__doc__, "__slots__": ()}
    for method in DRAWS:
        if hasattr(plain, method):
            space[method] = _own_draw(recorder, name, method, getattr(plain, method))
    made: Any = Meta(name, (plain,), space)
    if name == "RandomState":
        made.__init__ = _random_state_init(recorder, plain)
    return made


def _random_state_init(recorder: Recorder, plain: type) -> Callable[..., None]:
    """Return a constructor that notes a `RandomState` without a seed, and records one with a seed."""

    def init(self: Any, seed: Any = None) -> None:
        if recorder.within() or seed is None:
            plain.__init__(self, seed)  # type: ignore[misc]
            return
        facts = {"generator": "a new RandomState", "unseeded": False}
        shown = {"seed": seed if not hasattr(seed, "state") else None}
        recorder.flow(
            *("seed", "RandomState", lambda: plain.__init__(self, seed)),  # type: ignore[misc]
            *(lambda: ({}, facts), lambda _: shown),
        )

    return init


def _own_draw(recorder: Recorder, owner: str, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a traced method of a generator."""

    @functools.wraps(original)
    def traced(self: Any, *args: Any, **kwargs: Any) -> Any:
        if recorder.within():
            return original(self, *args, **kwargs)

        def describe() -> Any:
            unseeded = owner == "Generator" and born_of_entropy(recorder, self)
            state = "never seeded" if unseeded else _state(self)
            facts = {"generator": f"a {owner}", "object": True, "seeded": not unseeded}
            return {"arguments": (args, kwargs), "generator": state}, facts

        changed = (lambda _: {"result": args[0]}) if name in _IN_PLACE else None
        return recorder.flow("draw", f"{owner}.{name}", lambda: original(self, *args, **kwargs), describe, changed)

    return traced


def _state(generator: Any) -> Any:
    """Return the state of a generator of either class."""
    return generator.get_state() if hasattr(generator, "get_state") else generator.bit_generator.state
