"""Private random generators for simulators that draw from the process's global ones.

ManiSkill, and tasks that people write for it, draw from the global generators of torch, NumPy and Python. Inside
``with IsolatedGenerators():`` the functions that do so draw from generators of the thread's own (`own_draws`), so what
other threads draw meanwhile changes nothing.

Some code reaches a global generator past those functions: SciPy holds NumPy's, and ``from random import random`` holds
what stood there at its import. For such code the global generators hold private states inside. The code within then
can neither read nor change the states of the rest of the process. While other threads draw too, this part doesn't hold.
"""

from __future__ import annotations

import random
from types import TracebackType
from typing import Any

import numpy as np
import torch

from sac.envs.maniskill.own_draws import Generators, OwnDraws

# The generator itself: the module's functions are those of the thread's own generators, see `own_draws`.
_PYTHON: random.Random = random._inst
# Any: the stand-in below is no `BitGenerator`, and NumPy's stubs don't list `set_bit_generator`.
_NUMPY: Any = np.random.mtrand._rand
_NUMPY_RANDOM: Any = np.random
_GAUSS_PROBE = {"bit_generator": "probe", "state": None, "has_gauss": 0, "gauss": 0.0}


class _StatelessBitGenerator:
    """Stands in for NumPy's bit generator while only the cached Gaussian is read or written.

    `RandomState.get_state` copies 624 words in a Python loop (33 microseconds); with this stand-in it costs one.
    """

    @property
    def state(self) -> dict[str, Any]:
        return dict(_GAUSS_PROBE)

    @state.setter
    def state(self, value: dict[str, Any]) -> None:
        pass


_STAND_IN = _StatelessBitGenerator()
_NumpyState = tuple[Any, int, float]


def _read_numpy() -> _NumpyState:
    """Return the bit generator object and the cached Gaussian of NumPy's global generator."""
    generator = _NUMPY._bit_generator
    _NUMPY._bit_generator = _STAND_IN
    try:
        state = _NUMPY.get_state(legacy=False)
    finally:
        _NUMPY._bit_generator = generator
    return generator, state["has_gauss"], state["gauss"]


def _write_numpy(state: _NumpyState) -> None:
    """Make NumPy's global generator continue from `state`; the inverse of `_read_numpy`."""
    generator, has_gauss, gauss = state
    # Note: this drops the cached Gaussian of `np.random.randn`, which is therefore written after it.
    _NUMPY_RANDOM.set_bit_generator(generator)
    if has_gauss:
        _NUMPY._bit_generator = _STAND_IN
        try:
            _NUMPY.set_state({**_GAUSS_PROBE, "has_gauss": has_gauss, "gauss": gauss})
        finally:
            _NUMPY._bit_generator = generator


class IsolatedGenerators:
    """Private generators for what draws from those of `random`, `numpy.random` and `torch` (CPU).

    A context manager. On entry the current thread's draws go to private generators, and private states become the
    global ones. On exit, also by an exception, both are kept for the next entry and the caller's return. Entry and exit
    together cost about 30 microseconds.

    Entering an instance that is already entered raises; different instances nest.

    Args:
        seed: where the private states start; see `seed`.
    """

    def __init__(self, seed: int = 0) -> None:
        self._outer: tuple[Any, _NumpyState, torch.Tensor] | None = None
        self._draws = OwnDraws(Generators.seeded(seed))
        self.seed(seed)

    def seed(self, seed: int) -> None:
        """Set the private states as a pure function of `seed`, which is at least 0 and below 2**32."""
        self._draws.seed(seed)
        # Another seed: code that draws in both ways must not get the same numbers twice.
        fallback = Generators.seeded(seed ^ 0xFFFFFFFF)
        self._python: Any = fallback.python.getstate()
        self._numpy: _NumpyState = (fallback.numpy._bit_generator, 0, 0.0)
        self._torch = fallback.torch.get_state()
        if self._outer is not None:
            self._swap_in()

    def __enter__(self) -> IsolatedGenerators:
        """Swap the private states in."""
        if self._outer is not None:
            raise RuntimeError("these IsolatedGenerators are entered already: use one instance for each environment")
        self._outer = (_PYTHON.getstate(), _read_numpy(), torch.default_generator.get_state())
        self._swap_in()
        self._draws.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Keep the private states and restore the caller's."""
        assert self._outer is not None
        self._draws.__exit__()
        self._python, self._numpy = _PYTHON.getstate(), _read_numpy()
        self._torch = torch.default_generator.get_state()
        python, numpy, torch_state = self._outer
        _PYTHON.setstate(python)
        _write_numpy(numpy)
        torch.default_generator.set_state(torch_state)
        self._outer = None

    def _swap_in(self) -> None:
        """Make the private states the global ones."""
        _PYTHON.setstate(self._python)
        _write_numpy(self._numpy)
        # Not torch.manual_seed, which would also move the generators of every GPU.
        torch.default_generator.set_state(self._torch)
