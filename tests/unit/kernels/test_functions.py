"""exp, tanh and softplus: near the truth, the same at each vector width, and NaN where NaN comes in."""

import numpy as np
import pytest

from sac.kernels import functions
from sac.kernels.code import LANES, kernel, vector
from sac.kernels.machine_code import LEVELS
from tests.unit.kernels.native import OFFERED, call, compiled, each_level

TRUTH = {
    "exp": np.exp,
    "expm1": np.expm1,
    "tanh": np.tanh,
    "softplus": lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
}
each_function = pytest.mark.parametrize("name", TRUTH)
GRID = np.concatenate([np.linspace(-87, 88, 40001), np.linspace(-2, 2, 40001), np.geomspace(1e-30, 1, 4094)])
POINTS = np.concatenate([GRID, -GRID[-4094:]])[: (len(GRID) + 4094) // LANES * LANES].astype(np.float32)
POINTS = POINTS[(POINTS > -87) & (POINTS < 88)]
POINTS = POINTS[: len(POINTS) // LANES * LANES]


def computed(level, name, x, lanes=LANES):
    def write(module):
        code, kind = kernel(module, "test"), vector(lanes)
        source, target = code.address(0), code.address(1)
        body = lambda i: code.store(getattr(functions, name)(code, code.load(source, i, kind)), target, i)  # noqa: E731
        code.loop(code.integer(2), body, step=lanes)
        code.end()

    address, engine = compiled(level, write)
    found = np.empty_like(x)
    call(address, x.ctypes.data, found.ctypes.data, len(x))
    del engine
    return found


@each_level
@each_function
def test_a_function_is_within_three_units_in_the_last_place(level, name):
    truth = TRUTH[name](POINTS.astype(np.float64))
    error = np.abs(computed(level, name, POINTS) - truth) / np.spacing(np.abs(truth).astype(np.float32))
    worst = error.argmax()
    assert error[worst] < 3, f"{name}({POINTS[worst]}) is {error[worst]:.1f} units off"


@each_function
@pytest.mark.parametrize("level, lanes", [(level, lanes) for level in LEVELS for lanes in (1, LANES)])
def test_no_vector_width_changes_a_bit(name, level, lanes):
    if level not in OFFERED:
        pytest.skip(f"this CPU is no {level}")
    assert computed(level, name, POINTS, lanes).tobytes() == computed(OFFERED[0], name, POINTS).tobytes()


@each_level
@each_function
def test_not_a_number_stays_what_it_is_and_infinities_have_limits(level, name):
    x = np.zeros(LANES, np.float32)
    x[:3] = np.nan, np.inf, -np.inf
    found = computed(level, name, x)
    limits = {"exp": (1.6e38, 1.7e-38), "expm1": (1.6e38, -1), "tanh": (1, -1), "softplus": (np.inf, 1.7e-38)}[name]
    assert np.isnan(found[0]) and found[1] == pytest.approx(limits[0], rel=0.05)
    assert found[2] == pytest.approx(limits[1], rel=0.05)
    assert found[3] == TRUTH[name](0.0) or (name == "softplus" and found[3] == np.float32(np.log(2)))
