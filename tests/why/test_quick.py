"""The part of these tests that every pull request pays for: what `sac why` promises, on scripts without torch."""

from __future__ import annotations

import json
import sys

import pytest

from sac.cli import main
from tests.why.corpus.declared import CORPUS
from tests.why.test_corpus import answer_of, sac

QUICK = (
    *("seed_from_hash", "unseeded_generator", "pool_race", "one_run_ended"),
    *("clean_pool", "clean_threads", "clean_again"),
)


@pytest.mark.parametrize("planted", [one for one in CORPUS if one.script in QUICK], ids=lambda one: one.script)
def test_what_is_planted_is_found_and_nothing_else(tmp_path, planted):
    status, answer = answer_of(planted, tmp_path)
    first = answer["first"] or {"cause": "", "line": 0}
    assert (status, first["cause"], first["line"]) == (int(bool(planted.cause)), planted.cause, planted.line)


def test_a_trace_is_compared_and_reported(tmp_path):
    script = tmp_path / "train.py"
    script.write_text("import random, sys\nrandom.seed(int(sys.argv[1]))\nprint(random.random())\n")
    for seed in "12":
        done = sac("trace", "-o", str(tmp_path / f"{seed}.trace"), "--", sys.executable, str(script), seed)
        assert done.returncode == 0, done.stderr
    traces = [str(tmp_path / f"{seed}.trace") for seed in "12"]
    assert main(["why", traces[0], traces[0]]) == 0
    assert main(["why", "--keep", str(tmp_path / "kept"), *traces]) == 1
    assert json.loads((tmp_path / "kept" / "answer.json").read_text())["first"]["line"] == 2
    page = tmp_path / "page.html"
    assert main(["report", str(tmp_path / "kept"), "-o", str(page)]) == 0
    assert "random.seed(int(sys.argv[1]))" in page.read_text()
