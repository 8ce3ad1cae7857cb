"""Every planted cause is found, at its line; where nothing is wrong, nothing is said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.why.corpus.declared import CORPUS, Planted

ROOT = Path(__file__).parents[2]


def sac(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    environment.pop("PYTHONHASHSEED", None)
    environment.pop("OMP_NUM_THREADS", None)
    command = [sys.executable, "-m", "sac", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, cwd=cwd)


def answer_of(planted: Planted, folder: Path) -> tuple[int, dict]:
    """Let `sac why` answer about one script of the corpus."""
    script = [sys.executable, str(planted.path)]
    if planted.arguments:
        traces = [str(folder / f"{argument}.trace") for argument in planted.arguments]
        for argument, trace in zip(planted.arguments, traces, strict=True):
            done = sac("trace", "-o", trace, "--", *script, argument)
            assert done.returncode == 0, done.stderr
        done = sac("why", "--json", *traces)
    else:
        done = sac("why", "--json", *planted.options, "--", *script)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("planted", [one for one in CORPUS if one.cause], ids=lambda one: one.script)
def test_a_planted_cause_is_found_at_its_line(tmp_path, planted):
    status, answer = answer_of(planted, tmp_path)
    assert status == 1, answer
    first = answer["first"]
    assert (first["cause"], first["line"], first["event"]["kind"]) == (planted.cause, planted.line, planted.kind)


@pytest.mark.parametrize("planted", [one for one in CORPUS if not one.cause], ids=lambda one: one.script)
def test_where_no_cause_is_planted_the_runs_are_equal(tmp_path, planted):
    status, answer = answer_of(planted, tmp_path)
    assert status == 0, answer["first"]
    warnings = [one for one in answer["audit"] if one["kind"] in ("shared-seed", "unseeded")]
    assert [one["kind"] for one in warnings] == ([planted.warning] if planted.warning else []), warnings
    assert not planted.warning or warnings[0]["line"] == planted.line
