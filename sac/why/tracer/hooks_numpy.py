"""Hooks on NumPy: the global generator, and generators of the script's own."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Hashable
from typing import Any

from . import hooks_state
from .compiled import wrap_method
from .draws import traced_draw
from .force import NUMBER
from .generators import NEVER, bit_generator_state, short_digest
from .hooks_python import born_at
from .place import Place
from .recorder import Recorder

GLOBAL = "NumPy's global generator"
DRAWS = (
    *("rand", "randn", "randint", "random", "random_sample", "uniform", "normal", "standard_normal", "choice"),
    *("permutation", "shuffle", "permuted", "integers", "exponential", "beta", "gamma", "poisson", "binomial"),
    *("multivariate_normal", "laplace", "bytes", "ranf", "sample", "dirichlet", "multinomial", "lognormal"),
    *("standard_exponential", "standard_gamma", "standard_cauchy", "standard_t", "geometric", "triangular"),
    *("chisquare", "gumbel", "logistic", "negative_binomial", "pareto", "power", "rayleigh", "vonmises", "wald"),
    *("weibull", "zipf", "f", "hypergeometric", "logseries", "random_integers", "tomaxint", "spawn"),
)
_IN_PLACE = ("shuffle",)


def birth(recorder: Recorder, generator: Any) -> tuple[bool, Place | None]:
    """Return whether a generator took its seed from the operating system, and where: the number was seen on the way."""
    bits = getattr(generator, "bit_generator", None) or getattr(generator, "_bit_generator", None)
    sequence = getattr(bits, "seed_seq", None) or getattr(bits, "_seed_seq", None)
    entropy = getattr(sequence, "entropy", None)
    if not isinstance(entropy, int) or entropy not in recorder.entropy:
        return False, None
    return True, recorder.entropy[entropy]


def born_of_entropy(recorder: Recorder, generator: Any) -> bool:
    """Whether a generator took its seed from the operating system."""
    return birth(recorder, generator)[0]


def install(recorder: Recorder, numpy_random: Any) -> None:
    """Hook the module `numpy.random`."""
    _watch_global(recorder, numpy_random)
    for name in DRAWS:
        if hasattr(numpy_random, name) and callable(getattr(numpy_random, name)):
            setattr(numpy_random, name, _global_draw(recorder, name, getattr(numpy_random, name)))
    _seeding(recorder, numpy_random)
    known = numpy_random.mtrand._rand
    hooks_state.reads(recorder, GLOBAL, numpy_random.get_state)
    for owner in (numpy_random.RandomState, numpy_random.Generator):
        for name in DRAWS:
            wrap_method(owner, name, functools.partial(_own_draw, recorder, owner.__name__, name, known))
    seeded = functools.partial(_legacy_seed, recorder, known._bit_generator)
    wrap_method(numpy_random.MT19937, "_legacy_seeding", seeded)
    _making(recorder, numpy_random)


def _watch_global(recorder: Recorder, numpy_random: Any) -> None:
    """Watch the global generator's state."""
    generator = numpy_random.mtrand._rand
    if recorder.force.at_generator(GLOBAL):
        generator.seed(NUMBER)

    def save() -> Callable[[], object]:
        return functools.partial(numpy_random.set_state, numpy_random.get_state())

    recorder.generators.add(GLOBAL, bit_generator_state(generator._bit_generator), save)


def _seeding(recorder: Recorder, numpy_random: Any) -> None:
    """Hook what seeds the global generator, and what restores it."""
    numpy_random.seed = _global_seed(recorder, numpy_random.seed)
    numpy_random.set_state = recorder.generators.restoring(GLOBAL, numpy_random.set_state)


def _making(recorder: Recorder, numpy_random: Any) -> None:
    """Hook what makes generators with a seed; those without one ask the operating system, and are seen there."""
    default_rng = numpy_random.default_rng

    @functools.wraps(default_rng)
    def traced_default_rng(seed: Any = None) -> Any:
        if seed is None or recorder.within() or isinstance(seed, numpy_random.Generator):
            return default_rng(seed)
        facts = {"generator": "a new Generator", "unseeded": _from_entropy(recorder, seed)}
        return recorder.flow(
            *("seed", "default_rng", lambda: default_rng(seed)),
            *(lambda: ({}, facts), lambda made: {"seed": _plain_seed(seed)}),
        )

    numpy_random.default_rng = traced_default_rng


def _from_entropy(recorder: Recorder, seed: Any) -> bool:
    """Whether a seed sequence took its entropy from the operating system."""
    entropy = getattr(seed, "entropy", None)
    return isinstance(entropy, int) and entropy in recorder.entropy


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
        recorder.generators.seeded.discard(GLOBAL) if value is None else recorder.generators.seeded.add(GLOBAL)
        return None

    return traced


def _legacy_seed(recorder: Recorder, known: Any, original: Callable[..., None]) -> Callable[..., None]:
    """Return the traced method by which `RandomState(seed)` and `RandomState.seed` seed a bit generator."""

    def traced(self: Any, seed: Any) -> None:
        if recorder.within():
            return original(self, seed)
        name = GLOBAL if self is known else "a RandomState"
        facts = {"generator": name, "object": self is not known, "unseeded": seed is None}
        call = functools.partial(original, self, seed)
        recorder.flow("seed", "RandomState", call, lambda: ({}, facts), lambda _: {"seed": seed})
        if self is known:
            recorder.generators.seeded.discard(name) if seed is None else recorder.generators.seeded.add(name)
        return None

    return traced


def _global_draw(recorder: Recorder, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a traced function that draws from the global generator."""

    def event(args: Any, kwargs: Any, key: Hashable) -> Any:
        return _flow_of_global(recorder, f"numpy.random.{name}", original, args, kwargs, key)

    return traced_draw(recorder, name, original, event, name in _IN_PLACE)


def _flow_of_global(
    recorder: Recorder, name: str, original: Callable[..., Any], args: Any, kwargs: Any, key: Hashable
) -> Any:
    """Draw from the global generator, as an event."""
    facts = recorder.generators.facts(GLOBAL)

    def describe() -> Any:
        return {"arguments": (args, kwargs), "generator": recorder.generators.state(GLOBAL)}, facts

    changed = (lambda _: {"result": args[0]}) if name.endswith(_IN_PLACE) else None
    call = functools.partial(original, *args, **kwargs)
    return recorder.flow("draw", name, call, describe, changed, key=key)


def _own_draw(
    recorder: Recorder, owner: str, name: str, known: Any, original: Callable[..., Any]
) -> Callable[..., Any]:
    """Return a traced method of a generator; of the global one too, which scikit-learn and others reach that way."""

    def traced(self: Any, *args: Any, **kwargs: Any) -> Any:
        if recorder.within():
            return original(self, *args, **kwargs)
        bound = functools.partial(original, self)
        frame = sys._getframe(1)
        key = (id(frame.f_code), frame.f_lineno, name)
        block = recorder.blocks.of(key)
        if block is not None:
            return recorder.blocks.call(block, bound, args, kwargs, name in _IN_PLACE)
        if self is known:
            return _flow_of_global(recorder, f"numpy.random.{name}", bound, args, kwargs, key)

        def describe() -> Any:
            unseeded, place = birth(recorder, self)
            known = {"which": recorder.generators.number(self), "seeded": not unseeded, "born": born_at(place)}
            facts = {"generator": f"a {owner}", "object": True, **known}
            return {"arguments": (args, kwargs), "generator": NEVER if unseeded else _state(self)}, facts

        changed = (lambda _: {"result": args[0]}) if name in _IN_PLACE else None
        call = functools.partial(bound, *args, **kwargs)
        return recorder.flow("draw", f"{owner}.{name}", call, describe, changed, key=key)

    return traced


def _state(generator: Any) -> str:
    """Return a digest of the state of a generator of either class."""
    bits = getattr(generator, "bit_generator", None) or generator._bit_generator
    return short_digest(bit_generator_state(bits)())
