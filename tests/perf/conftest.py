"""What every record of pytest-benchmark says of the machine, and one thread for all."""

import pytest

from sac.numerics import machine, profiles
from sac.numerics.fingerprint import fingerprint

PROFILE, THREADS = "deterministic", 1


def pytest_benchmark_update_machine_info(config, machine_info):
    profiles.apply(PROFILE, THREADS)
    machine_info["numerics"] = fingerprint(PROFILE)
    machine_info["versions"] = machine.library_versions()
    machine_info["threads"] = THREADS


@pytest.fixture(autouse=True)
def profile():
    profiles.apply(PROFILE, THREADS)


@pytest.fixture
def timed(benchmark):
    """Time a function for about half a second, whatever it takes."""

    def run(work, **said):
        import time

        for _ in range(3):
            work()
        start = time.perf_counter()
        work()
        seconds = time.perf_counter() - start
        calls = max(1, int(0.002 / seconds))
        rounds = min(50, max(5, int(0.5 / (calls * seconds))))
        benchmark.extra_info |= {"threads": THREADS, "profile": PROFILE, **said}
        benchmark.pedantic(work, rounds=rounds, iterations=calls)

    return run
