import os

from hypothesis import HealthCheck, Phase, settings

from sac.numerics.profiles import PROFILES

# `gate` draws the same examples in every run, so that a red gate is red again; `nightly` looks for new ones.
COMMON = {"deadline": None, "print_blob": True, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("gate", derandomize=True, **COMMON)
settings.register_profile("nightly", max_examples=2000, **COMMON)
# A planted fault must be found; the smallest example of it, which takes minutes, is not asked for.
settings.register_profile("mutants", derandomize=True, phases=[Phase.explicit, Phase.generate], **COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))

# Training refuses to start unless its profile's variables were set before torch loaded: no test module has yet.
os.environ.update(PROFILES["deterministic"].environment)
