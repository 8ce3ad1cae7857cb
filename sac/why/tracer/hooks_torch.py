"""Hooks on torch: seeding, random operations, top-level forwards, optimizer steps, memory that nobody has written."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Mapping
from typing import Any

from .hooks_files import touch
from .hooks_gymnasium import STATES
from .hooks_python import generator_input
from .recorder import Recorder

GLOBAL = "torch's global generator"
FUNCTIONS = ("rand", "randn", "randint", "randperm", "normal", "bernoulli", "multinomial", "poisson")
LIKE = ("rand_like", "randn_like", "randint_like")
METHODS = (
    *("uniform_", "normal_", "random_", "bernoulli_", "exponential_", "log_normal_", "cauchy_", "geometric_"),
    *("bernoulli", "multinomial"),
)
UNWRITTEN = ("empty", "empty_like", "empty_strided")
PARAMETER_SAMPLE = 1024
"""Elements of each parameter that a forward's inputs show; optimizer steps digest all of them."""


def install(recorder: Recorder, torch: Any) -> None:
    """Hook the package `torch`."""
    _remember_originals(torch)
    STATES[GLOBAL] = torch.get_rng_state
    for name in (*FUNCTIONS, *LIKE):
        _replace(torch, torch, name, _draw(recorder, f"torch.{name}", getattr(torch, name), torch))
    for name in METHODS:
        setattr(torch.Tensor, name, _draw(recorder, f"Tensor.{name}", getattr(torch.Tensor, name), torch))
    for name in UNWRITTEN:
        _replace(torch, torch, name, _unwritten(recorder, f"torch.{name}", getattr(torch, name)))
    torch.Tensor.new_empty = _unwritten(recorder, "Tensor.new_empty", torch.Tensor.new_empty)
    _seeding(recorder, torch)
    _forwards(recorder, torch)
    _optimizers(recorder, torch)
    _saving(recorder, torch)


def _remember_originals(torch: Any) -> None:
    """Let torch build its tables of functions before they are replaced: they are keyed by the functions themselves."""
    with contextlib.suppress(AttributeError):
        torch.utils._device._device_constructors()
    with contextlib.suppress(AttributeError):
        torch.jit._builtins._get_builtin_table()


def _replace(torch: Any, owner: Any, name: str, traced: Callable[..., Any]) -> None:
    """Put a traced function in place, also for `torch.jit.script`, which looks functions up by identity."""
    original = getattr(owner, name)
    setattr(owner, name, traced)
    try:
        table = torch.jit._builtins._get_builtin_table()
        if id(original) in table:
            table[id(traced)] = table[id(original)]
    except (AttributeError, TypeError):
        return


def _draw(recorder: Recorder, name: str, original: Callable[..., Any], torch: Any) -> Callable[..., Any]:
    """Return a traced random operation."""

    @functools.wraps(original)
    def traced(*args: Any, **kwargs: Any) -> Any:
        if recorder.within():
            return original(*args, **kwargs)
        generator = kwargs.get("generator")
        facts: dict[str, Any] = {"generator": GLOBAL, "seeded": GLOBAL in recorder.seeded}
        if generator is not None:
            facts = {"generator": "a torch.Generator", "object": True, "seeded": True}

        def describe() -> Any:
            # What an in-place operation overwrites is no input of it.
            shown = args[1:] if name.endswith("_") else args
            options = {key: str(value) for key, value in kwargs.items() if key not in ("generator", "out")}
            state = {"generator": generator.get_state()} if generator is not None else None
            state = state or generator_input(recorder, GLOBAL, torch.get_rng_state)
            return {"arguments": (shown, options), **state}, facts

        return recorder.flow("draw", name, lambda: original(*args, **kwargs), describe)

    return traced


def _unwritten(recorder: Recorder, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a traced function that gives memory as it is."""

    @functools.wraps(original)
    def traced(*args: Any, **kwargs: Any) -> Any:
        made = original(*args, **kwargs)
        if not recorder.busy() and recorder.places.called_by_own() and made.numel():
            recorder.source("uninitialised", name, made, f"{tuple(made.shape)} of {made.dtype}")
        return made

    return traced


def _seeding(recorder: Recorder, torch: Any) -> None:
    """Hook what seeds torch's global generators, and what restores them."""

    def seeder(label: str, original: Callable[..., Any], unseeded: bool) -> Callable[..., Any]:
        @functools.wraps(original)
        def traced(*args: Any, **kwargs: Any) -> Any:
            if recorder.within():
                return original(*args, **kwargs)
            facts = {"generator": GLOBAL, "unseeded": unseeded}
            made = recorder.flow(
                *("seed", label, lambda: original(*args, **kwargs), lambda: ({}, facts)),
                lambda result: {"seed": int(result) if unseeded else (args, list(kwargs.values()))},
            )
            recorder.seeded.discard(GLOBAL) if unseeded else recorder.seeded.add(GLOBAL)
            return made

        return traced

    torch.manual_seed = torch.random.manual_seed = seeder("torch.manual_seed", torch.manual_seed, False)
    torch.seed = torch.random.seed = seeder("torch.seed", torch.seed, True)
    set_state = torch.set_rng_state

    @functools.wraps(set_state)
    def traced_set_state(*args: Any, **kwargs: Any) -> None:
        set_state(*args, **kwargs)
        recorder.seeded.add(GLOBAL)

    torch.set_rng_state = torch.random.set_rng_state = traced_set_state


def _forwards(recorder: Recorder, torch: Any) -> None:
    """Hook the calls of modules that aren't inside of another module's call."""
    original = torch.nn.Module.__call__

    def traced(self: Any, *args: Any, **kwargs: Any) -> Any:
        if recorder.within():
            return original(self, *args, **kwargs)

        def describe() -> Any:
            inputs = {"arguments": (args, kwargs), "parameters": _glimpse(self), "training": self.training}
            facts = {"module": type(self).__name__, "training": self.training, "grad": torch.is_grad_enabled()}
            facts |= {"dropout": _active_dropout(torch, self), "threads": torch.get_num_threads()}
            if facts["dropout"]:
                inputs |= generator_input(recorder, GLOBAL, torch.get_rng_state)
                facts |= {"generator": GLOBAL, "seeded": GLOBAL in recorder.seeded}
            return inputs, facts

        return recorder.flow("module.forward", "forward", lambda: original(self, *args, **kwargs), describe)

    torch.nn.Module.__call__ = functools.wraps(original)(traced)


def _glimpse(module: Any) -> list[Any]:
    """Return some elements of each parameter and buffer: enough to see that an update went another way."""
    tensors = [*module.parameters(), *module.buffers()]
    return [tensor.detach().reshape(-1)[:: 1 + tensor.numel() // PARAMETER_SAMPLE] for tensor in tensors]


def _active_dropout(torch: Any, module: Any) -> list[str]:
    """Return the names of the dropout layers that are switched on."""
    kind = torch.nn.modules.dropout._DropoutNd
    return [name for name, part in module.named_modules() if isinstance(part, kind) and part.training and part.p > 0]


def _optimizers(recorder: Recorder, torch: Any) -> None:
    """Hook `Optimizer.step` of every class."""
    module = torch.optim
    profiled = module.Optimizer.profile_hook_step

    def profile_hook_step(function: Callable[..., Any]) -> Callable[..., Any]:
        inner = profiled(function)

        @functools.wraps(inner)
        def step(*args: Any, **kwargs: Any) -> Any:
            if recorder.within():
                return inner(*args, **kwargs)
            optimizer = args[0]
            facts = {"optimizer": type(optimizer).__name__, "threads": torch.get_num_threads()}
            call = functools.partial(inner, *args, **kwargs)
            before = functools.partial(_gradients, optimizer)
            after = functools.partial(_parameters, optimizer)
            return recorder.flow("optimizer.step", "step", call, lambda: (before(), facts), lambda _: after())

        step.hooked = True  # type: ignore[attr-defined]
        return step

    module.Optimizer.profile_hook_step = staticmethod(profile_hook_step)


def _saving(recorder: Recorder, torch: Any) -> None:
    """Hook `torch.save`: its compiled code opens the file itself."""
    original = torch.save

    @functools.wraps(original)
    def traced(*args: Any, **kwargs: Any) -> None:
        target = kwargs.get("f", args[1] if len(args) > 1 else None)
        if isinstance(target, (str, os.PathLike)):
            touch(recorder, "write", target)
        original(*args, **kwargs)

    torch.save = torch.serialization.save = traced


def _gradients(optimizer: Any) -> Mapping[str, Any]:
    """Return the gradients that a step will use, and some elements of the parameters."""
    found = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    glimpse = [part.detach().reshape(-1)[:: 1 + part.numel() // PARAMETER_SAMPLE] for part in found]
    return {"gradients": [part.grad for part in found], "parameters": glimpse}


def _parameters(optimizer: Any) -> Mapping[str, Any]:
    """Return the parameters after a step."""
    return {"parameters": [part for group in optimizer.param_groups for part in group["params"]]}
