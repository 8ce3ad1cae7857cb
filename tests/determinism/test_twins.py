"""Equal seeds give equal runs, whatever goes on around them."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sac.trainer import train
from tests.determinism.runs import (
    POINT,
    PUSH_CUBE,
    assert_equal,
    assert_parts_at,
    ledger_of,
    run_here,
    scramble,
)

configs = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**40),
        "num_envs": st.sampled_from([1, 2, 4, 8]),
        "batch_size": st.integers(1, 40),
        "utd": st.sampled_from([0.0, 0.25, 1.0]),
        "learning_starts": st.integers(0, 100),
        "buffer_size": st.integers(40, 400),
        "policy_frequency": st.integers(1, 3),
        "target_network_frequency": st.integers(1, 3),
        "autotune": st.booleans(),
        "partial_reset": st.booleans(),
        "bootstrap_at_done": st.sampled_from(["always", "never", "truncated"]),
        "total_timesteps": st.integers(1, 160),
        "overlap": st.booleans(),
    }
)


@given(configs, st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
@settings(max_examples=15)
def test_equal_seeds_give_equal_ledgers(tmp_path_factory, config, before, after):
    scramble(before)
    first = run_here(tmp_path_factory.mktemp("first"), **config)
    scramble(after)
    second = run_here(tmp_path_factory.mktemp("second"), **config)
    assert_equal(first, second)


@given(st.integers(0, 2**40), st.integers(1, 2**40))
@settings(max_examples=8)
def test_different_seeds_differ_where_the_seed_enters(tmp_path_factory, seed, distance):
    first = run_here(tmp_path_factory.mktemp("first"), seed=seed, total_timesteps=32)
    second = run_here(tmp_path_factory.mktemp("second"), seed=seed + distance, total_timesteps=32)
    assert_parts_at(first, second, "env.seed", iteration=0)


@given(st.integers(1, 9), st.integers(1, 10))
@settings(max_examples=8)
def test_a_shorter_run_is_a_prefix_of_a_longer_one(tmp_path_factory, iterations, more):
    short = run_here(tmp_path_factory.mktemp("short"), total_timesteps=16 * iterations)
    long = run_here(tmp_path_factory.mktemp("long"), total_timesteps=16 * (iterations + more))
    comparison = assert_equal(short, long)
    assert comparison.compared_iterations == iterations + 1


def test_a_run_in_this_process_equals_one_in_a_fresh_process(tmp_path):
    here = run_here(tmp_path / "here")
    flags = [f"--{name}={value}" for name, value in POINT.to_manifest().items() if value is not None]
    flags = [_switch(flag) for flag in flags if not flag.startswith("--run_dir")]
    assert_equal(here, ledger_of(tmp_path / "fresh", flags))


def _switch(flag: str) -> str:
    """tyro's spelling of a boolean flag."""
    name, _, value = flag.partition("=")
    return {"True": name, "False": f"--no-{name[2:]}"}.get(value, flag)


@contextmanager
def background_load():
    """Two processes that keep both cores busy, and give way: whoever tests on two cores need not wait for them."""
    spin = "import os\nos.nice(10)\nwhile True: sum(range(10**6))"
    processes = [subprocess.Popen([sys.executable, "-c", spin]) for _ in range(2)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _foreign_locale() -> str:
    """A locale with a decimal comma, or at least another than the test's own."""
    done = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False)
    known = done.stdout.split()
    commas = [name for name in known if name.startswith(("de_", "fr_", "tr_", "ru_"))]
    chosen = (commas or [name for name in known if name != "C"] or ["C"])[0]
    if not commas:
        print(f"no locale with a decimal comma is installed here: {chosen} is tried")
    return chosen


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return ledger_of(tmp_path_factory.mktemp("push_cube") / "undisturbed", [*PUSH_CUBE, "--workers=2"])


@pytest.mark.maniskill
def test_nothing_around_a_maniskill_run_changes_it(undisturbed, tmp_path):
    surroundings = {"PYTHONHASHSEED": "77", "TZ": "Pacific/Chatham", "COLUMNS": "40", "LC_ALL": _foreign_locale()}
    with background_load():
        disturbed = ledger_of(
            tmp_path / "disturbed",
            # In one process, so that whoever disturbs the generators also does so between the steps of environments.
            [*PUSH_CUBE, "--workers=serial", "--threads=3"],
            "tests.determinism.disturbed",
            environment=surroundings,
            cwd=tmp_path,
        )
    assert_equal(undisturbed, disturbed)


@pytest.mark.maniskill
def test_another_seed_changes_a_maniskill_run(undisturbed, tmp_path):
    other = ledger_of(tmp_path / "other", [*PUSH_CUBE, "--seed=2", "--total_timesteps=32", "--workers=serial"])
    assert_parts_at(undisturbed, other, "env.seed", iteration=0)


@pytest.mark.maniskill
def test_evaluation_never_changes_maniskill_training(undisturbed, tmp_path):
    flags = [*PUSH_CUBE, "--eval_freq=0", "--ledger_freq=2", "--no-tensorboard", "--no-save_model", "--workers=serial"]
    assert_equal(undisturbed, ledger_of(tmp_path / "unevaluated", flags))


def test_a_ledger_is_readable_while_its_run_goes_on(tmp_path, monkeypatch):
    """What is written so far is there when the process dies at any iteration: here it dies in the fourth."""
    from sac.ledger.file import read_ledger
    from sac.rollout.collector import Collector

    collect, calls = Collector.collect, []

    def dying(self, *arguments):
        calls.append(arguments)
        if len(calls) == 4:
            raise MemoryError("killed by the test")
        return collect(self, *arguments)

    monkeypatch.setattr(Collector, "collect", dying)
    with pytest.raises(MemoryError):
        train(replace(POINT, run_dir=str(tmp_path / "dead")))
    monkeypatch.undo()
    dead = read_ledger(tmp_path / "dead")
    assert [line.iteration for line in dead.lines] == [0, 1, 2, 3]
    assert_equal(dead, run_here(tmp_path / "whole"))
