"""Where the trace can't be written, the script goes on to its end, and the answer says so and proves nothing."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from sac.cli import main
from sac.why import launch
from sac.why.trace import read_trace
from tests.why.test_corpus import ROOT, sac

LIMITED = """\
import random, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))
random.seed(1)
for number in range(200):
    random.random()
    {then}
open(sys.argv[1], "w").write("done")
"""
LARGE = 100_000_000


@pytest.fixture(autouse=True)
def _no_caches(monkeypatch):
    """Under such a limit Python itself would leave half a file in the caches of compiled modules."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")


@pytest.fixture
def script(tmp_path):
    """Writes a script that may write so many bytes a file; gives the command, with a file for its last word."""

    def write(size, then="pass"):
        (tmp_path / "train.py").write_text(LIMITED.format(size=size, then=then))
        return [sys.executable, str(tmp_path / "train.py"), str(tmp_path / "last.{run}")]

    return write


def test_a_disk_that_fills_ends_the_trace_and_not_the_script(tmp_path, script):
    done = sac("trace", "-o", str(tmp_path / "a.trace"), "--", *script(20_000))
    assert (tmp_path / "last.1").read_text() == "done"
    assert done.returncode == 2
    assert "the trace could not be written: File too large" in done.stderr


def test_what_could_not_be_compared_is_not_called_equal(tmp_path, script):
    done = sac("why", "--json", "--keep", str(tmp_path / "kept"), "--", *script(20_000))
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["equal"]) == (2, None)
    assert "the trace could not be written: File too large: " in done.stderr
    assert "run1.trace" in done.stderr
    assert not [note for note in answer["notes"] if "has no end" in note]
    assert 0 < len(read_trace(tmp_path / "kept" / "run1.trace").flows) < 100


def test_a_script_that_only_speaks_of_a_lost_trace_has_lost_none(tmp_path):
    (tmp_path / "train.py").write_text("import random\nrandom.seed(1)\nexit('the trace could not be written')\n")
    done = sac("why", "--", sys.executable, str(tmp_path / "train.py"))
    assert done.returncode == 2
    assert done.stderr == "sac why: error: equal as far as they came, but the command failed (see the notes)\n"


def test_a_divergence_that_was_seen_before_is_still_one(script):
    done = sac("why", "--json", "--", *script(20_000, "random.randint(0, hash('a'))"))
    assert (done.returncode, json.loads(done.stdout)["equal"]) == (1, False)


def test_with_room_the_same_script_is_equal_and_leaves_no_mark(tmp_path, script):
    done = sac("why", "--json", "--keep", str(tmp_path / "kept"), "--", *script(LARGE))
    assert (done.returncode, json.loads(done.stdout)["equal"]) == (0, True), done.stderr
    assert not list((tmp_path / "kept").glob("*.lost"))


def test_a_disk_that_is_full_from_the_start_is_bad_input(tmp_path, script, monkeypatch, capsys):
    # As if there were no room: a file that can't be made.
    monkeypatch.setattr(launch, "LOST", "/no/room")
    assert main(["why", "--keep", str(tmp_path / "kept"), "--", *script(LARGE)]) == 2
    assert "error: the trace could not be written: No such file or directory: " in capsys.readouterr().err
    assert not (tmp_path / "last.1").exists()


def test_a_header_that_does_not_fit_is_no_file_that_is_no_trace(tmp_path):
    (tmp_path / "train.py").write_text("import random\nrandom.seed(1)\n")
    asked = f"ulimit -f 1; exec {sys.executable} -m sac why -- {sys.executable} {tmp_path}/train.py {'x' * 3000}"
    done = subprocess.run(["sh", "-c", asked], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 2
    assert "error: the trace could not be written: File too large: " in done.stderr
