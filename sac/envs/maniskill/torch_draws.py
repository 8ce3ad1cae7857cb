"""torch's functions that draw from its global generator on the CPU, and how each draws from another one.

`TORCH_DRAWS` is held against torch's own list: every public function of an operator with the tag
``nondeterministic_seeded`` is in it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from sac.envs.errors import BadEnvironment

_VF: Any = torch._VF


def _with_generator(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` with the argument ``generator=``, unless the caller names one or draws on another device."""

    def draw(own: torch.Generator, /, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("generator") is None and _on_cpu(args, kwargs):
            kwargs["generator"] = own
        return function(*args, **kwargs)

    return draw


def _on_cpu(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    device = kwargs.get("device")
    if device is None:
        device = next((value.device for value in args if isinstance(value, torch.Tensor)), torch.get_default_device())
    return torch.device(device).type == "cpu"


def _filled(fill: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that makes a tensor like another one and fills it, which is what torch's own ones do."""

    def draw(own: torch.Generator, /, like: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        given = kwargs.pop("generator", None)
        bounds = {name: kwargs.pop(name) for name in ("low", "high") if name in kwargs}
        values = torch.empty_like(like, **kwargs)
        generator = own if given is None and values.device.type == "cpu" else given
        with torch.no_grad():
            fill(values, *args, **bounds, generator=generator)
        return values

    return draw


def _fill_integers(
    values: torch.Tensor, *args: int, low: int = 0, high: int | None = None, generator: torch.Generator | None
) -> None:
    if high is None:
        low, high = args if len(args) == 2 else (low, args[0])
    elif args:
        (low,) = args
    torch.Tensor.random_(values, low, high, generator=generator)


def _dropout(own: torch.Generator, /, input: torch.Tensor, p: float, train: bool) -> torch.Tensor:
    """Return input * mask / (1 - p), as torch computes it on the CPU."""
    if not _masks(input, p, train):
        return _originals["dropout"](input, p, train)
    return input * _mask(own, input, p)


def _dropout_in_place(own: torch.Generator, /, input: torch.Tensor, p: float, train: bool) -> torch.Tensor:
    if not _masks(input, p, train):
        return _originals["dropout_"](input, p, train)
    return input.mul_(_mask(own, input, p))


def _masks(values: torch.Tensor, p: float, train: bool) -> bool:
    return train and 0 < p < 1 and values.device.type == "cpu"


def _mask(generator: torch.Generator, values: torch.Tensor, p: float) -> torch.Tensor:
    """Return a mask whose elements are 0, with probability p, or 1 / (1 - p)."""
    return _originals["bernoulli_"](torch.empty_like(values), 1 - p, generator=generator).div_(1 - p)


def _refused(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that raises where `function` would draw from the global generator."""

    def call(_: torch.Generator, /, *args: Any, **kwargs: Any) -> Any:
        if _draws(args, kwargs):
            raise _cant_direct(name)
        return function(*args, **kwargs)

    return call


def _cant_direct(name: str) -> BadEnvironment:
    return BadEnvironment(
        f"the task calls torch's {name}, which draws from the process's generator and takes no other: draw the mask "
        "with torch.bernoulli, and multiply by it"
    )


def _draws(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Return whether a layer with a dropout probability, and with a flag that follows it, is one that draws.

    That holds for dropouts (input, p, train), recurrent layers (…, dropout, train, …), and leaky units whose slope is
    random (input, lower, upper, training).
    """
    if any(kwargs.get(name) for name in ("train", "training")):
        return True
    return any(type(flag) is bool and flag and type(p) is float and p > 0 for p, flag in itertools.pairwise(args))


def _attention(_: torch.Generator, /, *args: Any, **kwargs: Any) -> Any:
    """Compute scaled dot-product attention, whose fifth argument is the dropout probability."""
    if kwargs.get("dropout_p") or args[4:5] > (0,):
        raise _cant_direct("scaled_dot_product_attention")
    return _originals["attention"](*args, **kwargs)


def _seeding() -> list[tuple[Any, str, Callable[..., Any]]]:
    """Return what seeds torch's global generator, and what reads and writes its state."""

    def get_state(generator: torch.Generator) -> torch.Tensor:
        return generator.get_state()

    def set_state(generator: torch.Generator, new_state: torch.Tensor) -> None:
        generator.set_state(new_state)

    def manual_seed(generator: torch.Generator, seed: Any) -> torch.Generator:
        return generator.manual_seed(int(seed))

    def fresh_seed(generator: torch.Generator) -> int:
        return generator.seed()

    def initial_seed(generator: torch.Generator) -> int:
        return generator.initial_seed()

    table: dict[str, Any] = {
        "get_rng_state": get_state,
        "set_rng_state": set_state,
        "manual_seed": manual_seed,
        "seed": fresh_seed,
        "initial_seed": initial_seed,
    }
    return [(module, name, redirect) for name, redirect in table.items() for module in (torch, torch.random)]


DRAWING = ("rand", "randn", "randint", "randperm", "normal", "bernoulli", "multinomial", "poisson", "binomial")
PRIVATE = ("_standard_gamma", "_sample_dirichlet")
METHODS = ("uniform_", "normal_", "random_", "exponential_", "geometric_", "cauchy_", "log_normal_", "bernoulli_")
REFUSED = (
    *("alpha_dropout", "alpha_dropout_", "feature_dropout", "feature_dropout_", "feature_alpha_dropout"),
    *("feature_alpha_dropout_", "native_dropout", "rrelu", "rrelu_", "lstm", "gru", "rnn_relu", "rnn_tanh"),
)
_originals: dict[str, Any] = {
    "dropout": torch.dropout,
    "dropout_": torch.dropout_,
    "bernoulli_": torch.Tensor.bernoulli_,
    "attention": functional.scaled_dot_product_attention,
}

TORCH_DRAWS: tuple[tuple[Any, str, Callable[..., Any]], ...] = (
    *((torch, name, _with_generator(getattr(torch, name))) for name in (*DRAWING, *PRIVATE)),
    *((torch.Tensor, name, _with_generator(getattr(torch.Tensor, name))) for name in METHODS),
    *((torch.Tensor, name, _with_generator(getattr(torch.Tensor, name))) for name in ("bernoulli", "multinomial")),
    (torch, "rand_like", _filled(torch.Tensor.uniform_)),
    (torch, "randn_like", _filled(torch.Tensor.normal_)),
    (torch, "randint_like", _filled(_fill_integers)),
    *((owner, "dropout", _dropout) for owner in (torch, _VF)),
    *((owner, "dropout_", _dropout_in_place) for owner in (torch, _VF)),
    *((owner, name, _refused(name, getattr(owner, name))) for name in REFUSED for owner in (torch, _VF)),
    (functional, "scaled_dot_product_attention", _attention),
    *_seeding(),
)
"""(what holds the function, its name, (generator, arguments…) -> what it returns)"""
