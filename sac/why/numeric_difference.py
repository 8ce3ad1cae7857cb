"""How far two values are apart: differing elements, and floats between them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, NamedTuple

_INTEGERS = {2: "int16", 4: "int32", 8: "int64"}


class NumericDifference(NamedTuple):
    """The difference of one array, as far as its exact elements were kept.

    Attributes:
        path: where in the value it lies.
        differing: elements that differ, of those compared.
        compared: elements that were kept.
        size: elements that there are.
        ulp: the largest number of floats between two of them; None for other dtypes.
        a: first differing element of the first run.
        b: of the second.
    """

    path: str
    differing: int
    compared: int
    size: int
    ulp: int | None
    a: str
    b: str

    @property
    def text(self) -> str:
        """The difference in words."""
        of = f"{self.compared}" if self.compared == self.size else f"the first {self.compared} of {self.size}"
        far = "" if self.ulp is None else f", largest {self.ulp} ULP"
        return f"{self.differing} of {of} elements differ{far}: {self.a} and {self.b}"


def numeric_difference(name: str, a: list[dict[str, Any]], b: list[dict[str, Any]]) -> NumericDifference | None:
    """Return the difference of the first array of a value that differs in what was kept of it."""
    for left, right in zip(a, b, strict=False):
        if left != right:
            try:
                return _of(name, left, right)
            except (KeyError, IndexError, TypeError, ValueError):
                # A trace that was changed by hand may hold any bits; where the runs part is told without figures.
                return None
    return None


def _of(name: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> NumericDifference:
    """Return the difference of one array."""
    # NumPy takes longer to import than all of this package; where runs are equal nobody needs it.
    import numpy as np

    path = name + a["path"]
    if "value" in a or "value" in b or a["dtype"] != b["dtype"] or a["count"] != b["count"]:
        left, right = (str(one.get("value", f"{one['count']} elements of {one['dtype']}")) for one in (a, b))
        ulp = _ulp(np.array([float(left)]), np.array([float(right)])) if a["dtype"] == b["dtype"] == "float" else None
        return NumericDifference(path, 1, 1, 1, ulp, left, right)
    left_bits, right_bits = (base64.b64decode(one["bits"]) for one in (a, b))
    try:
        dtype = np.dtype(a["dtype"])
    except TypeError:
        dtype = np.dtype(np.uint8)
    one, other = np.frombuffer(left_bits, dtype), np.frombuffer(right_bits, dtype)
    unlike = np.array([one[place].tobytes() != other[place].tobytes() for place in range(len(one))])
    place = int(unlike.argmax())
    ulp = _ulp(one, other) if dtype.kind == "f" else None
    return NumericDifference(
        path, int(unlike.sum()), len(one), int(a["count"]), ulp, repr(one[place].item()), repr(other[place].item())
    )


def _ulp(a: Any, b: Any) -> int | None:
    """Return the largest number of floats between two elements; None where one isn't finite."""
    import numpy as np

    both = np.isfinite(a) & np.isfinite(b)
    if not both.any():
        return None
    one, other = (_ordered(part[both]) for part in (a, b))
    return max(abs(int(x) - int(y)) for x, y in zip(one, other, strict=True))


def _ordered(values: Any) -> Any:
    """Return integers that count floats from zero, the negative ones below it."""
    import numpy as np

    bits = values.view(_INTEGERS[values.dtype.itemsize])
    magnitude = bits & np.iinfo(bits.dtype).max
    return np.where(bits < 0, -magnitude.astype(object), magnitude.astype(object))
