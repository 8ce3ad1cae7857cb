"""What the ladder of CPU models is asked to compute: `python -m tests.determinism.operations FILE.npz`.

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


def table() -> dict[str, tuple[Make, ...]]:
    """Name -> function of (x, positive, unit, y); torch is imported only when the profile has been prepared."""
    import numpy as np
    import torch

    functional = torch.nn.functional
    plain = ("tanh", "exp", "sin", "cos", "tan", "atan", "sigmoid", "expm1", "erf", "sinh", "cosh", "reciprocal")
    found: dict[str, Make] = {name: lambda x, p, u, y, f=getattr(torch, name): f(x) for name in plain}
    for name in ("log", "log1p", "log2", "log10", "sqrt", "rsqrt"):
        found[name] = lambda x, p, u, y, f=getattr(torch, name): f(p)
    for name in ("asin", "acos"):
        found[name] = lambda x, p, u, y, f=getattr(torch, name): f(u)
    for width in (2, 3, 4, 7, 16, 100):
        found[f"sum_{width}"] = lambda x, p, u, y, w=width: rows(x, w).sum(1)
        found[f"mean_{width}"] = lambda x, p, u, y, w=width: rows(x, w).mean(1)
        found[f"norm_{width}"] = lambda x, p, u, y, w=width: torch.linalg.norm(rows(x, w), axis=1)
        found[f"norm_one_row_{width}"] = lambda x, p, u, y, w=width: one_by_one(
            lambda row: torch.linalg.norm(row, axis=1), rows(x, w)
        )
        found[f"einsum_{width}"] = lambda x, p, u, y, w=width: torch.einsum("ij,ij->i", rows(x, w), rows(y, w))
        found[f"normalize_{width}"] = lambda x, p, u, y, w=width: functional.normalize(rows(x, w), dim=-1)
    found |= {
        "tanh_one": lambda x, p, u, y: one_by_one(torch.tanh, x),
        "atan2": lambda x, p, u, y: torch.atan2(x, y),
        "softplus": lambda x, p, u, y: functional.softplus(x),
        "pow": lambda x, p, u, y: torch.pow(p, u),
        "square": lambda x, p, u, y: p**2,
        "divide": lambda x, p, u, y: x / y,
        "lerp": lambda x, p, u, y: torch.lerp(x, y, 0.3),
        "addcmul": lambda x, p, u, y: torch.addcmul(x, y, u),
        "cross": lambda x, p, u, y: torch.linalg.cross(rows(x, 3), rows(y, 3)),
        "bmm_3": lambda x, p, u, y: squares(x, 3) @ squares(y, 3),
        "bmm_4": lambda x, p, u, y: squares(x, 4) @ squares(y, 4),
        "inverse_4": lambda x, p, u, y: torch.linalg.inv(squares(x, 4)),
        "numpy_exp": lambda x, p, u, y: torch.from_numpy(np.exp(x.numpy())),
        "numpy_sin": lambda x, p, u, y: torch.from_numpy(np.sin(x.numpy())),
        "numpy_arccos": lambda x, p, u, y: torch.from_numpy(np.arccos(u.numpy())),
        "numpy_matmul": lambda x, p, u, y: torch.from_numpy(squares(x, 64).numpy() @ squares(y, 64).numpy()),
        "randn": lambda x, p, u, y: torch.randn(1000, generator=torch.Generator().manual_seed(3)),
        "numpy_normal": lambda x, p, u, y: torch.from_numpy(np.random.default_rng(3).standard_normal(1000)),
        "pow_half": lambda x, p, u, y: p**0.5,
        "cdist": lambda x, p, u, y: torch.cdist(rows(x, 3)[:40], rows(y, 3)[:40]),
        "lstsq": lambda x, p, u, y: torch.linalg.lstsq(x[:42].view(7, 6), y[:7, None]).solution,
    }
    return found


def rows(x: Any, width: int) -> Any:
    """The numbers as a table that wide."""
    return x[: width * (len(x) // width)].view(-1, width)


def squares(x: Any, width: int) -> Any:
    """The numbers as matrices that wide."""
    return x[: width * width * 500].view(-1, width, width)


def one_by_one(function: Callable[[Any], Any], x: Any) -> Any:
    """The function of each row by itself, as a single environment's step takes it."""
    import torch

    return torch.cat([function(x[at : at + 1]) for at in range(400)])


def compute() -> dict[str, Any]:
    """Name -> result as an array, the double ones under `name (double)`."""
    import numpy as np
    import torch

    random = np.random.Generator(np.random.Philox(key=[1, 2]))
    results = {}
    for kind, note in ((np.float32, ""), (np.float64, " (double)")):
        spans = ((-8, 8), (1e-6, 20), (-1, 1), (-8, 8))
        numbers = [torch.from_numpy(random.uniform(low, high, 50_000).astype(kind)) for low, high in spans]
        results |= {name + note: function(*numbers).numpy() for name, function in table().items()}
    return results


def main(arguments: list[str]) -> int:
    """Write the file."""
    from sac import numerics

    numerics.prepare("portable")
    numerics.apply("portable", 1)
    import numpy as np

    np.savez(arguments[0], **compute())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
