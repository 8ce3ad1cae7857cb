"""A square root that is the same on every CPU, for the portable profile.

On a CPU torch.sqrt goes through MKL's vector mathematics, whose last bit is not the same on Intel as on AMD, in MKL's
COMPATIBLE mode too: measured on Zen 4 against an emulated Haswell, it was the one function that still differed there,
and ManiSkill's rotations take it. NumPy uses the CPU's own square root, whose every bit IEEE 754 defines.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

_SQRT, _TENSOR_SQRT = torch.sqrt, torch.Tensor.sqrt


def _exact_sqrt(input: torch.Tensor, *, out: torch.Tensor | None = None) -> torch.Tensor:
    """As torch.sqrt, correctly rounded; torch's own where a gradient is asked for, and for what NumPy does not hold."""
    mine = input.device.type == "cpu" and input.dtype in (torch.float32, torch.float64)
    if not mine or (input.requires_grad and torch.is_grad_enabled()):
        return _SQRT(input) if out is None else _SQRT(input, out=out)
    with np.errstate(invalid="ignore"):
        root = torch.from_numpy(np.asarray(np.sqrt(input.detach().numpy())))
    return root if out is None else out.copy_(root)


def install(wanted: bool) -> None:
    """Put the exact square root in the place of torch's own for this process, or torch's own back."""
    target: Any = torch
    target.sqrt = _exact_sqrt if wanted else _SQRT
    target.Tensor.sqrt = _exact_sqrt if wanted else _TENSOR_SQRT


def is_installed() -> bool:
    """Whether torch.sqrt is the exact one in this process."""
    return torch.sqrt is _exact_sqrt and torch.Tensor.sqrt is _exact_sqrt
