import os

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
