"""Hooks on torch: seeding, random operations, top-level forwards, optimizer steps, memory that nobody has written."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from . import hooks_state, unwritten
from .compiled import wrap_method
from .draws import traced_draw
from .force import NUMBER
from .generators import NEVER, short_digest
from .hooks_files import touch
from .hooks_python import born_at, entropy_seed
from .hooks_saving import without_times
from .recorder import Recorder

GLOBAL = "torch's global generator"
FUNCTIONS = ("rand", "randn", "randint", "randperm", "normal", "bernoulli", "multinomial", "poisson")
LIKE = ("rand_like", "randn_like", "randint_like")
METHODS = (
    *("uniform_", "normal_", "random_", "bernoulli_", "exponential_", "log_normal_", "cauchy_", "geometric_"),
    *("bernoulli", "multinomial"),
)
UNWRITTEN = ("empty", "empty_like", "empty_strided")
CLASSES = ("Tensor", "FloatTensor", "DoubleTensor", "LongTensor", "IntTensor")
CALLED = frozenset((*FUNCTIONS, *LIKE, *UNWRITTEN, *CLASSES))
"""Names of what is looked up in `Recorder.calls` where a line of the user's own calls it."""

PARAMETER_SAMPLE = 1024
"""Elements of each parameter that a forward's inputs show; optimizer steps digest all of them."""


def install(recorder: Recorder, torch: Any) -> None:
    """Hook the package `torch`.

    Its functions stay the objects that they are: libraries keep tables of them. What the user's own lines call is
    looked up in `recorder.calls` there; what others draw is seen by the generator's state.
    """
    _watch_global(recorder, torch)
    for name in (*FUNCTIONS, *LIKE):
        function = getattr(torch, name)
        recorder.calls[function] = _draw(recorder, f"torch.{name}", function)
    for name in METHODS:
        setattr(torch.Tensor, name, _draw(recorder, f"Tensor.{name}", getattr(torch.Tensor, name)))
    for name in UNWRITTEN:
        function = getattr(torch, name)
        recorder.calls[function] = _unwritten(recorder, f"torch.{name}", function)
    for kind in (getattr(torch, name) for name in CLASSES):
        recorder.calls[kind] = _unwritten_class(recorder, kind)
    torch.Tensor.new_empty = _unwritten(recorder, "Tensor.new_empty", torch.Tensor.new_empty)
    _seeding(recorder, torch)
    _own_seeding(recorder, torch)
    _forwards(recorder, torch)
    _optimizers(recorder, torch)
    _saving(recorder, torch)
    if "threads" in recorder.force:
        torch.set_num_threads(1)
    if "deterministic" in recorder.force:
        torch.use_deterministic_algorithms(True, warn_only=True)
        # It would fill memory that nobody has written, and prove the wrong cause.
        torch.utils.deterministic.fill_uninitialized_memory = False


def _watch_global(recorder: Recorder, torch: Any) -> None:
    """Watch the global generator's state."""
    generator = torch.default_generator
    if recorder.force.at_generator(GLOBAL):
        generator.manual_seed(NUMBER)

    def save() -> Callable[[], object]:
        return functools.partial(generator.set_state, generator.get_state())

    recorder.generators.add(GLOBAL, lambda: generator.get_state().numpy().tobytes(), save)


def _draw(recorder: Recorder, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a traced random operation."""

    def event(args: Any, kwargs: Any, key: Hashable) -> Any:
        generator = kwargs.get("generator")
        facts: dict[str, Any] = recorder.generators.facts(GLOBAL)
        if generator is not None:
            unseeded, which = generator in recorder.unseeded, recorder.generators.number(generator)
            facts = {"generator": "a torch.Generator", "object": True, "which": which, "seeded": not unseeded}

        def describe() -> Any:
            # What an in-place operation overwrites is no input of it.
            shown = args[1:] if name.endswith("_") else args
            options = {key: str(value) for key, value in kwargs.items() if key not in ("generator", "out")}
            return {"arguments": (shown, options), "generator": _state(recorder, generator, facts)}, facts

        return recorder.flow("draw", name, lambda: original(*args, **kwargs), describe, key=key)

    return traced_draw(recorder, name, original, event, in_place=False, blocks=not name.endswith("_"))


def _state(recorder: Recorder, generator: Any, facts: dict[str, Any]) -> Any:
    """Return a digest of a generator's state, and note where one that nobody has seeded took its seed from."""
    if generator is None:
        return recorder.generators.state(GLOBAL)
    if facts["seeded"]:
        return short_digest(generator.get_state().numpy().tobytes())
    facts["born"] = born_at(recorder.unseeded[generator])
    return NEVER


def _unwritten(recorder: Recorder, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a traced function that gives memory as it is."""

    @functools.wraps(original)
    def traced(*args: Any, **kwargs: Any) -> Any:
        made = original(*args, **kwargs)
        known = type(made).__module__ == "torch" and not recorder.busy()
        if known and recorder.places.near_own() and made.numel():
            _note_unwritten(recorder, name, made)
        return made

    return traced


def _note_unwritten(recorder: Recorder, name: str, made: Any) -> None:
    """Note what the memory of a tensor holds."""
    shown = f"{tuple(made.shape)} of {made.dtype}"
    if made.device.type == "cpu" and "strided" in str(made.layout) and not made.is_quantized:
        kind = "b" if str(made.dtype) == "torch.bool" else "f" if made.is_floating_point() else "i"
        storage = made.untyped_storage()
        unwritten.note(recorder, name, storage.data_ptr(), storage.nbytes(), kind, shown)
        return
    if made.device.type != "meta" and recorder.forced("uninitialised") is not None:
        made.zero_()
    recorder.source("uninitialised", name, made, shown)


def _unwritten_class(recorder: Recorder, kind: Any) -> Callable[..., Any]:
    """Return a function in place of a class of tensors: called with sizes, it gives memory as it is."""
    unwritten = _unwritten(recorder, f"torch.{kind.__name__}", kind)

    def traced(*args: Any, **kwargs: Any) -> Any:
        sizes = args and all(type(part) is int for part in args)
        return unwritten(*args, **kwargs) if sizes else kind(*args, **kwargs)

    return traced


def _seeding(recorder: Recorder, torch: Any) -> None:
    """Hook what seeds torch's global generators, and what restores them."""
    torch.manual_seed = torch.random.manual_seed = _seeder(recorder, torch, "torch.manual_seed", torch.manual_seed)
    torch.seed = torch.random.seed = _seeder(recorder, torch, "torch.seed", torch.seed, unseeded=True)
    torch.set_rng_state = recorder.generators.restoring(GLOBAL, torch.set_rng_state)
    torch.random.set_rng_state = torch.set_rng_state
    hooks_state.reads(recorder, GLOBAL, torch.get_rng_state)
    initial_seed = torch.initial_seed

    @functools.wraps(initial_seed)
    def traced_initial_seed() -> int:
        seed: int = initial_seed()
        if GLOBAL not in recorder.generators.seeded and not recorder.within():
            facts = {"generator": GLOBAL, "seeded": False}
            recorder.flow("draw", "torch.initial_seed", lambda: seed, lambda: ({"generator": NEVER}, facts))
        return seed

    torch.initial_seed = torch.random.initial_seed = traced_initial_seed


def _seeder(
    recorder: Recorder, torch: Any, label: str, original: Callable[..., Any], unseeded: bool = False
) -> Callable[..., Any]:
    """Return a traced function that seeds torch's global generator; from entropy, if it is `unseeded`."""

    @functools.wraps(original)
    def traced(*args: Any, **kwargs: Any) -> Any:
        if recorder.within():
            return original(*args, **kwargs)
        facts = {"generator": GLOBAL, "unseeded": unseeded}
        call = functools.partial(original, *args, **kwargs)
        if unseeded:
            call = functools.partial(_seed_from_entropy, recorder, torch.default_generator, call, label)
        made = recorder.flow(
            *("seed", label, call, lambda: ({}, facts)),
            lambda result: {"seed": int(result) if unseeded else (args, list(kwargs.values()))},
        )
        recorder.generators.seeded.discard(GLOBAL) if unseeded else recorder.generators.seeded.add(GLOBAL)
        return made

    return traced


def _seed_from_entropy(recorder: Recorder, generator: Any, call: Callable[[], int], label: str) -> int:
    """Seed a generator as it does by itself, from entropy; or as it is forced."""
    number = entropy_seed(recorder)
    if number is None:
        number = call()
    else:
        generator.manual_seed(number)
    recorder.source("entropy", label, number, facts={"via": []})
    return number


def _own_seeding(recorder: Recorder, torch: Any) -> None:
    """Hook what seeds generators of the script's own: `torch.Generator` is written in C."""

    def manual(original: Callable[..., Any]) -> Callable[..., Any]:
        def manual_seed(self: Any, seed: Any) -> Any:
            if recorder.within():
                return original(self, seed)
            known = self is torch.default_generator
            facts = {"generator": GLOBAL} if known else {"generator": "a torch.Generator", "object": True}
            recorder.unseeded.pop(self, None)
            if known:
                recorder.generators.drawn()
                recorder.generators.seeded.add(GLOBAL)
            call = functools.partial(original, self, seed)
            return recorder.flow(
                "seed", "Generator.manual_seed", call, lambda: ({}, facts), lambda _: {"seed": int(seed)}
            )

        return manual_seed

    def entropic(original: Callable[..., Any]) -> Callable[..., Any]:
        def seed(self: Any) -> int:
            if recorder.within():
                return int(original(self))
            recorder.unseeded[self] = recorder.places.find()
            return _seed_from_entropy(recorder, self, lambda: int(original(self)), "Generator.seed")

        return seed

    kind = torch._C.Generator
    for name, wrapper in (("manual_seed", manual), ("seed", entropic)):
        wrap_method(kind, name, wrapper)


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
            return inputs, facts

        def call() -> Any:
            return original(self, *args, **kwargs)

        forced = recorder.forced("eval") is not None and self.training
        return recorder.flow(
            *("module.forward", "forward", functools.partial(_in_evaluation, self, call) if forced else call, describe),
            watch=True,
        )

    torch.nn.Module.__call__ = functools.wraps(original)(traced)


def _in_evaluation(module: Any, call: Callable[[], Any]) -> Any:
    """Call with a module in evaluation mode."""
    module.eval()
    try:
        return call()
    finally:
        module.train()


def _glimpse(module: Any) -> dict[str, Any]:
    """Return some elements of each parameter and buffer: enough to see that an update went another way."""
    tensors = [*module.named_parameters(), *module.named_buffers()]
    return {name: part.detach().reshape(-1)[:: 1 + part.numel() // PARAMETER_SAMPLE] for name, part in tensors}


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
        call = functools.partial(original, *args, **kwargs)
        if recorder.within():
            return call()
        saved = kwargs.get("obj", args[0] if args else None)
        recorder.flow("save", "torch.save", call, lambda: ({"saved": without_times(saved)}, {}), lambda _: {})

    torch.save = torch.serialization.save = traced


def _gradients(optimizer: Any) -> Mapping[str, Any]:
    """Return the gradients and settings that a step will use, and some elements of the parameters."""
    found = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    glimpse = [part.detach().reshape(-1)[:: 1 + part.numel() // PARAMETER_SAMPLE] for part in found]
    settings = [
        f"{name}={value!r}"
        for group in optimizer.param_groups
        for name, value in group.items()
        if isinstance(value, (int, float, str, tuple))
    ]
    return {"gradients": [part.grad for part in found], "parameters": glimpse, "settings": "; ".join(settings)}


def _parameters(optimizer: Any) -> Mapping[str, Any]:
    """Return the parameters after a step."""
    return {"parameters": [part for group in optimizer.param_groups for part in group["params"]]}
