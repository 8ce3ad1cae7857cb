"""What each machine of the matrix is asked to compute: `python -m tools.portability.operations FILE.npz`.

Each entry of the table is computed as a run under the portable profile would, on the same numbers everywhere.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

Make = Callable[..., Any]

_ROOT = "MKL's root, which is replaced in torch.sqrt only"
KNOWN = {
    **dict.fromkeys(("pow_half", "pow_half (double)", "cdist", "cdist (double)"), _ROOT),
    **dict.fromkeys(("tan (double)", "log (double)", "log2", "log10", "log10 (double)"), "MKL's, in very few results"),
    **dict.fromkeys(("lstsq", "lstsq (double)"), "LAPACK's order of summation"),
}
"""Those that CPU models are known to disagree on and that are not replaced: nothing in the reference calls them, nor
does a state task of mani_skill 3.0.1."""


def table() -> dict[str, Make]:
    """Name -> function of (x, positive, unit, y)."""
    return {**_elementwise(), **_reductions(), **_others(), **_numpys()}


def _elementwise() -> dict[str, Make]:
    """Functions of one number; torch is imported only when the profile has been prepared."""
    import torch

    def of(name: str, which: int) -> Make:
        return lambda *numbers: getattr(torch, name)(numbers[which])

    names = ("tanh", "exp", "sin", "cos", "tan", "atan", "sigmoid", "expm1", "erf", "sinh", "cosh", "reciprocal")
    positive = ("log", "log1p", "log2", "log10", "sqrt", "rsqrt")
    found = {name: of(name, 0) for name in names} | {name: of(name, 1) for name in positive}
    found |= {name: of(name, 2) for name in ("asin", "acos")}
    found["tanh_one"] = lambda x, p, u, y: one_by_one(torch.tanh, x)
    return found


def _reductions() -> dict[str, Make]:
    """Functions of rows, of the widths that observations and poses have."""
    import torch

    def norm(x: Any) -> Any:
        return torch.linalg.norm(x, axis=1)

    makes: dict[str, Callable[[Any, Any], Any]] = {
        "sum": lambda a, b: a.sum(1),
        "mean": lambda a, b: a.mean(1),
        "norm": lambda a, b: norm(a),
        "norm_one": lambda a, b: one_by_one(norm, a),
        "einsum": lambda a, b: torch.einsum("ij,ij->i", a, b),
        "normalize": lambda a, b: torch.nn.functional.normalize(a, dim=-1),
    }

    def of(make: Callable[[Any, Any], Any], width: int) -> Make:
        return lambda x, p, u, y: make(rows(x, width), rows(y, width))

    return {f"{name}_{width}": of(make, width) for name, make in makes.items() for width in (2, 3, 4, 7, 16, 100)}


def _others() -> dict[str, Make]:
    """Functions of two numbers, of vectors and matrices, and torch's normal draws."""
    import torch

    return {
        "atan2": lambda x, p, u, y: torch.atan2(x, y),
        "softplus": lambda x, p, u, y: torch.nn.functional.softplus(x),
        "pow": lambda x, p, u, y: torch.pow(p, u),
        "pow_half": lambda x, p, u, y: p**0.5,
        "square": lambda x, p, u, y: p**2,
        "divide": lambda x, p, u, y: x / y,
        "lerp": lambda x, p, u, y: torch.lerp(x, y, 0.3),
        "addcmul": lambda x, p, u, y: torch.addcmul(x, y, u),
        "cross": lambda x, p, u, y: torch.linalg.cross(rows(x, 3), rows(y, 3)),
        "cdist": lambda x, p, u, y: torch.cdist(rows(x, 3)[:40], rows(y, 3)[:40]),
        "bmm_3": lambda x, p, u, y: squares(x, 3) @ squares(y, 3),
        "bmm_4": lambda x, p, u, y: squares(x, 4) @ squares(y, 4),
        "inverse_4": lambda x, p, u, y: torch.linalg.inv(squares(x, 4)),
        "lstsq": lambda x, p, u, y: torch.linalg.lstsq(x[:42].view(7, 6), y[:7, None]).solution,
        "randn": lambda x, p, u, y: torch.randn(1000, generator=torch.Generator().manual_seed(3)),
    }


def _numpys() -> dict[str, Make]:
    """What NumPy computes."""
    import numpy as np
    import torch

    return {
        "numpy_exp": lambda x, p, u, y: torch.from_numpy(np.exp(x.numpy())),
        "numpy_sin": lambda x, p, u, y: torch.from_numpy(np.sin(x.numpy())),
        "numpy_arccos": lambda x, p, u, y: torch.from_numpy(np.arccos(u.numpy())),
        "numpy_matmul": lambda x, p, u, y: torch.from_numpy(squares(x, 64).numpy() @ squares(y, 64).numpy()),
        "numpy_normal": lambda x, p, u, y: torch.from_numpy(np.random.default_rng(3).standard_normal(1000)),
    }


def rows(x: Any, width: int) -> Any:
    """The numbers as a table that wide."""
    return x[: width * (len(x) // width)].view(-1, width)


def squares(x: Any, width: int) -> Any:
    """The numbers as matrices that wide."""
    number = min(500, len(x) // width**2)
    return x[: number * width * width].view(-1, width, width)


def one_by_one(function: Callable[[Any], Any], x: Any) -> Any:
    """The function of each row by itself, as a single environment's step takes it."""
    import torch

    return torch.cat([function(x[at : at + 1]) for at in range(400)])


def compute() -> dict[str, Any]:
    """Name -> result as an array, the double ones under `name (double)`."""
    import numpy as np
    import torch

    random = np.random.Generator(np.random.Philox(key=[1, 2]))
    results: dict[str, Any] = {}
    for kind, note in ((np.float32, ""), (np.float64, " (double)")):
        spans = ((-8, 8), (1e-6, 20), (-1, 1), (-8, 8))
        numbers = [torch.from_numpy(random.uniform(low, high, 50_000).astype(kind)) for low, high in spans]
        results |= {name + note: function(*numbers).numpy() for name, function in table().items()}
    return results


def main(arguments: list[str]) -> int:
    """Write the file."""
    from sac.numerics import profiles

    profiles.prepare("portable")
    profiles.apply("portable", 1)
    import numpy as np

    np.savez(arguments[0], **compute())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
