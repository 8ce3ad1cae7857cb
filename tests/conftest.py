import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

from sac.numerics.profiles import PROFILES

# `gate` draws the same examples in every run, so that a red gate is red again; `nightly` looks for new ones, and for
# forty times as many.
GATE_EXAMPLES = 50
COMMON = {"deadline": None, "print_blob": True, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("gate", derandomize=True, max_examples=GATE_EXAMPLES, **COMMON)
settings.register_profile("nightly", max_examples=2000, **COMMON)
# A planted fault must be found among the gate's examples; the smallest one, which takes minutes, is not asked for.
FOUND = [Phase.explicit, Phase.generate]
settings.register_profile("mutants", derandomize=True, max_examples=GATE_EXAMPLES, phases=FOUND, **COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))

# Training refuses to start unless its profile's variables were set before torch loaded: no test module has yet.
os.environ.update(PROFILES["deterministic"].environment)

HERE = Path(__file__).parent
LONGEST = (
    "determinism/test_goldens",
    "determinism/test_twins",
    "determinism/test_resume_workers",
    "determinism/test_resume",
    "integration/commands/test_sweep",
    "integration/test_own_tasks",
    "integration/test_examples",
    "integration/bench/test_rounds",
    "integration/envs/workers/test_pool",
    "integration/test_gate_action",
    "integration/test_api",
    "integration/commands/test_twin",
    "integration/tools/test_gpu",
    "integration/envs/maniskill/test_patches",
    "integration/envs/maniskill/test_env",
    "integration/test_standard_streams",
    "integration/test_stopping",
    "integration/tools/test_portability",
    "unit/learner/test_sac",
    "unit/test_plain_run",
)
"""Files that take 8 s or more of two cores, the longest first: one that began last would leave a core idle."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Bring the longest files to the front where files are handed out to several processes."""
    # Where tests are handed out one by one they keep the order that was asked for (tools.stability draws one).
    if "--dist=loadfile" in getattr(config, "workerinput", {}).get("mainargv", ()):
        places = {HERE / f"{name}.py": place for place, name in enumerate(LONGEST)}
        items.sort(key=lambda item: places.get(item.path, len(places)))
