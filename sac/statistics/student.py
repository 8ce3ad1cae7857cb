"""Student's interval of a mean, without the rest of SciPy's statistics, which take seconds to load."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import stdtrit


def student(values: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Return both ends of the interval of each mean over the last axis.

    Args:
        values: (..., n), n at least 2.
        confidence: in how many cases the interval shall hold the true mean.

    Returns:
        Two arrays (...).
    """
    count = values.shape[-1]
    mean, error = values.mean(-1), values.std(-1, ddof=1) / math.sqrt(count)
    half = stdtrit(count - 1, 0.5 + confidence / 2) * error
    return np.asarray(mean - half), np.asarray(mean + half)
