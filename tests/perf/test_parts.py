"""Each part of training by itself, and an iteration of it: the benchmarks that `sac bench compare` judges."""

from contextlib import ExitStack

import pytest

from sac.bench.workloads.cases import CASES
from sac.bench.workloads.counters import count

ENV_STEPS = {"env_step_point": 16, "env_step_stack_cube": 2, "env_step_pooled": 4, "iteration_point": 64}
"""Environment steps of one call: their number over the time is what baselines call it/s."""


@pytest.mark.parametrize("name", CASES)
def test_part(name, timed):
    if name in ("env_step_stack_cube", "env_reset_stack_cube", "env_step_pooled"):
        pytest.importorskip("mani_skill")
    with ExitStack() as stack:
        work = CASES[name].build(stack)
        timed(work, env_steps=ENV_STEPS.get(name, 0), counters=count(work) if CASES[name].counted else {})
