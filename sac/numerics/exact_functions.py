"""Functions that are the same on every CPU, for the portable profile.

On a CPU torch.sqrt, asin, acos and atan go through MKL's vector mathematics, whose last bit differs between Intel and
AMD even in MKL's COMPATIBLE mode (`python -m tools.portability --steps functions` shows which functions differ), and
ManiSkill's rotations and angles take them. NumPy uses the CPU's own square root, whose every bit IEEE 754 defines. The
angles are computed here from + - * / and that root alone, in the 80 bits of x86's extended precision, and rounded once
at the end: nothing in them is left to a vendor, or to the version of a mathematics library.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import torch

Function = Callable[[np.ndarray], np.ndarray]


def _exact_atan(x: Fraction) -> Fraction:
    """Euler's series, to 2^-68 and more for 0 <= x <= 1."""
    ratio = x * x / (1 + x * x)
    term = total = x / (1 + x * x)
    for n in range(1, 80):
        term *= ratio * Fraction(2 * n, 2 * n + 1)
        total += term
    return total


def _tabulated(steps: int) -> np.ndarray:
    """Arc tangents of 0, 1/steps, ... 1: a double each and what it leaves of the exact number."""
    exact = [_exact_atan(Fraction(k, steps)) for k in range(steps + 1)]
    rest = [value - Fraction(float(value)) for value in exact]
    return np.array(exact, np.float64).astype(_WIDE) + np.array(rest, np.float64).astype(_WIDE)


_WIDE = np.longdouble
_STEPS = 16
_TABLE = _tabulated(_STEPS)
_DIRECT = 0.125
"""Below this the series alone is nearest to the truth."""
_SERIES = tuple((-1) ** n / _WIDE(2 * n + 1) for n in range(1, 10))
"""atan t = t + t^3 (s1 + s2 t^2 + ...); beyond t^19 less than 2^-58 of it is left for |t| <= 1/8."""


def _atan(x: np.ndarray) -> np.ndarray:
    size = np.abs(x)
    inverted = size > 1
    z = np.where(inverted, 1 / size, size)
    # Not a number compares false: it takes the series, and stays what it is.
    step = np.rint(np.where(z >= _DIRECT, z, 0) * _STEPS).astype(np.intp)
    node = step.astype(_WIDE) / _STEPS
    t = (z - node) / (1 + z * node)
    square = t * t
    tail = np.full_like(square, _SERIES[-1])
    for coefficient in _SERIES[-2::-1]:
        tail = tail * square + coefficient
    angle = _TABLE[step] + (t + t * square * tail)
    return np.copysign(np.where(inverted, 2 * _TABLE[-1] - angle, angle), x)


def _asin(x: np.ndarray) -> np.ndarray:
    return _atan(x / np.sqrt((1 - x) * (1 + x)))


def _acos(x: np.ndarray) -> np.ndarray:
    return 2 * _atan(np.sqrt((1 - x) / (1 + x)))


def _rounded_once(function: Function) -> Function:
    def computed(x: np.ndarray) -> np.ndarray:
        return function(x.astype(_WIDE)).astype(x.dtype)

    return computed


_NAMES: dict[str, Function] = {
    "sqrt": np.sqrt,
    **dict.fromkeys(("asin", "arcsin"), _rounded_once(_asin)),
    **dict.fromkeys(("acos", "arccos"), _rounded_once(_acos)),
    **dict.fromkeys(("atan", "arctan"), _rounded_once(_atan)),
}
_OWN: dict[tuple[Any, str], Any] = {
    (owner, name): getattr(owner, name) for owner in (torch, torch.Tensor) for name in _NAMES
}


def _replacement(name: str) -> Callable[..., torch.Tensor]:
    """Return a stand-in for torch's function; it calls torch's own for gradients, and for what NumPy can't hold."""
    own, function = _OWN[torch, name], _NAMES[name]

    def exact(input: torch.Tensor, *, out: torch.Tensor | None = None) -> torch.Tensor:
        mine = input.device.type == "cpu" and input.dtype in (torch.float32, torch.float64)
        if not mine or (input.requires_grad and torch.is_grad_enabled()):
            result: torch.Tensor = own(input) if out is None else own(input, out=out)
            return result
        with np.errstate(all="ignore"):
            found = torch.from_numpy(np.asarray(function(input.detach().numpy())))
        return found if out is None else out.copy_(found)

    return exact


_EXACT = {name: _replacement(name) for name in _NAMES}


def install(wanted: bool) -> None:
    """Replace torch's functions by the exact ones in this process, or put torch's own back."""
    for (owner, name), own in _OWN.items():
        setattr(owner, name, _EXACT[name] if wanted else own)


def is_installed() -> bool:
    """Whether all of them are in place in this process."""
    return all(getattr(owner, name) is _EXACT[name] for owner, name in _OWN)
