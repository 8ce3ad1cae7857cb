"""A battery of small computations whose digests tell one machine's arithmetic from another's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch

from sac.digest import digest
from sac.native.approximate import approximations
from sac.numerics.adam import adam_step
from sac.numerics.fixed_order import FixedOrderMatmul, own_kernels
from sac.numerics.matmul import has_kernels, matmul_for
from sac.state import AdamState


def _grid(rows: int, columns: int, device: torch.device) -> torch.Tensor:
    """(rows, columns) float32 in (-2, 2), made of integer arithmetic and one exact division."""
    count = torch.arange(rows * columns, dtype=torch.int64, device=device)
    return ((count * 2654435761 % 1048576).to(torch.float32) / 262144 - 2).view(rows, columns)


def _adam(x: torch.Tensor) -> torch.Tensor:
    parameter, moments = x.flatten().clone(), AdamState.zeros_like(x.flatten())
    adam_step(parameter, x.flatten().flip(0), moments, lr=3e-4)
    return parameter


def _linear(x: torch.Tensor) -> torch.Tensor:
    """The learner's own products, forward and back."""
    matmul = matmul_for(x.device)
    hidden = matmul.linear(x[:64, :96], x[:96, :128], x[0, :128], relu=True)
    gradient = torch.empty(96, 128, device=x.device)
    matmul.weight_gradient(x[:64, :96], hidden, gradient)
    return torch.cat([gradient.flatten(), matmul.input_gradient(hidden, x[:96, :128]).flatten()])


def _kernels(x: torch.Tensor) -> torch.Tensor:
    """Products of the project's own kernels, forward and back."""
    matmul = FixedOrderMatmul(own_kernels())
    hidden = matmul.linear(x[:64, :96], x[:96, :128], x[0, :128], relu=True)
    return torch.cat([hidden.flatten(), matmul.input_gradient(hidden, x[:96, :128]).flatten()])


def _numpy(function: Callable[[np.ndarray], np.ndarray]) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda x: torch.from_numpy(function(x.cpu().numpy().astype(np.float64)))


_OPERATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "mm": lambda x: x[:, :96] @ x[:96],
    "addmm": lambda x: torch.addmm(x[0], x[:64, :48], x[:48]),
    "bmm": lambda x: torch.bmm(x.view(2, 128, 256), x.view(2, 256, 128)),
    "linear": _linear,
    "sum": lambda x: x.sum(),
    "mean": lambda x: x.mean(dim=0),
    "norm": lambda x: torch.linalg.norm(x, dim=1),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "exp": torch.exp,
    "expm1": torch.expm1,
    "log": lambda x: torch.log(x.abs() + 0.5),
    "sqrt": lambda x: torch.sqrt(x.abs()),
    "sin": torch.sin,
    "cos": torch.cos,
    "asin": lambda x: torch.asin(x / 2),
    "acos": lambda x: torch.acos(x / 2),
    "atan": torch.atan,
    "atan2": lambda x: torch.atan2(x, x.flip(0)),
    "softplus": torch.nn.functional.softplus,
    "adam": _adam,
    "numpy.matmul": _numpy(lambda x: x[:64, :64] @ x[:64, 64:128]),
    "numpy.exp": _numpy(np.exp),
    "numpy.sin": _numpy(np.sin),
}


def probe(device: torch.device) -> dict[str, str]:
    """Return operation -> digest of its result on `device`; names that begin with `cpu.` are CPU instructions.

    One thread computes, so that the digests tell machines apart and not numbers of threads.
    """
    x = _grid(256, 256, device)
    own = approximations(np.abs(x.cpu().numpy().ravel()) + np.float32(0.5))
    kernels = {"kernels": digest(_kernels(x))} if has_kernels(device) else {}
    with _one_thread():
        return {
            **kernels,
            **{name: digest(operation(x)) for name, operation in _OPERATIONS.items()},
            **{f"cpu.{name}": digest(torch.from_numpy(result)) for name, result in own.items()},
        }


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
