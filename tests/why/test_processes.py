"""Every process of a run has a trace of its own, however it was started; who can't be followed is named."""

from __future__ import annotations

import json
import sys

import pytest

from tests.why.test_corpus import sac

SEEDED = "import random\nrandom.seed(1)\nfor _ in range(20):\n    random.random()\n"
UNSEEDED = "import random\nrandom.random()\n"
HELPER = f"import os, subprocess, sys\nhelper = [sys.executable, {{options}}'helper.py']\n{SEEDED}"
STARTS = {
    "an environment that is inherited": "subprocess.run(helper, check=True)",
    "a copy of the environment": "subprocess.run(helper, check=True, env={**os.environ, 'MODE': 'helper'})",
    "an environment made from nothing": "subprocess.run(helper, check=True, env={'PATH': os.environ['PATH']})",
    "a shell": "os.system(' '.join(helper))",
    "a function that is called before the program": "subprocess.run(helper, check=True, preexec_fn=os.getpid)",
    "a fork, and the program in its place": (
        "child = os.fork()\nif not child:\n    os.execv(sys.executable, helper)\nos.waitpid(child, 0)"
    ),
}


@pytest.fixture
def ask(tmp_path):
    """Asks why of a script that starts a helper; returns status, answer and errors."""

    def answer(start, helper=SEEDED, options="", command=(sys.executable, "train.py")):
        (tmp_path / "train.py").write_text(HELPER.format(options=options) + start + "\n")
        (tmp_path / "helper.py").write_text(helper)
        done = sac("why", "--json", "--runs", "2", "--proofs", "0", "--", *command, cwd=tmp_path)
        return done.returncode, json.loads(done.stdout), done.stderr

    return answer


@pytest.mark.parametrize("start", STARTS)
def test_a_child_is_followed_however_it_is_started(ask, start):
    status, answer, errors = ask(STARTS[start])
    assert (status, answer["compared_events"]) == (0, 42), errors
    assert not answer["uncompared"]


@pytest.mark.parametrize("start", STARTS)
def test_what_a_child_draws_is_found_in_the_child(ask, start):
    status, answer, _ = ask(STARTS[start], UNSEEDED)
    first = answer["first"]
    assert (status, first["file"], first["line"]) == (1, "helper.py", 2)
    assert first["event"]["process"] != "main"


LAUNCHED = {
    "a folder": ["{python}", "src/lab"],
    "a path that env sets": ["env", "PYTHONPATH=src", "{python}", "-m", "lab"],
    "a path that is set before the program": ["PYTHONPATH=src", "{python}", "-m", "lab"],
    "a path that a shell script sets": ["sh", "run.sh"],
}


@pytest.mark.parametrize("launcher", LAUNCHED)
def test_a_program_is_traced_however_it_is_launched(tmp_path, launcher):
    package = tmp_path / "src" / "lab"
    package.mkdir(parents=True)
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "run.sh").write_text("PYTHONPATH=src python3 -m lab\n")
    (package / "__main__.py").write_text(UNSEEDED)
    command = [word.format(python=sys.executable) for word in LAUNCHED[launcher]]
    done = sac("why", "--json", "--runs", "2", "--proofs", "0", "--", *command, cwd=tmp_path)
    first = json.loads(done.stdout)["first"]
    assert (done.returncode, first["file"], first["line"]) == (1, "src/lab/__main__.py", 2), done.stderr


def test_a_python_that_can_not_be_followed_is_named_and_nothing_is_proved(ask):
    status, answer, errors = ask(STARTS["an environment that is inherited"], options="'-I', ")
    assert (status, answer["equal"]) == (2, None)
    assert "not all of them was" in errors
    assert any(one.startswith("a Python that isn't followed") and "train.py:7" in one for one in answer["uncompared"])


@pytest.mark.parametrize(
    "end, killed", [("os.kill(os.getpid(), 9)", True), ("os.abort()", True), ("os._exit(0)", False), ("pass", False)]
)
def test_a_child_without_an_end_proves_nothing(ask, end, killed):
    status, answer, _ = ask("subprocess.run(helper)", f"import os\n{SEEDED}{end}\n")
    assert (status, answer["equal"]) == ((2, None) if killed else (0, True))
    assert any("has no end" in one for one in answer["uncompared"]) == killed


def test_a_child_that_its_parent_ends_needs_no_end(ask):
    start = "process = subprocess.Popen(helper, stdout=-1)\nprocess.stdout.readline()\nprocess.kill()\nprocess.wait()"
    status, answer, _ = ask(start, f"{SEEDED}print(flush=True)\nimport time\ntime.sleep(60)\n")
    assert (status, answer["uncompared"]) == (0, [])


def test_a_program_that_is_no_python_is_listed(ask):
    status, answer, _ = ask("subprocess.run(['true'])")
    assert status == 0
    assert "not Python, and not covered: true (train.py:7)" in answer["notes"]


LAUNCHERS = {
    "a shell script": (("sh", "run.sh"), "exec python train.py\n"),
    "a shell script with two programs": (("sh", "run.sh"), "python helper.py\npython train.py\n"),
    "a module": ((sys.executable, "-m", "train"), ""),
    "env": (("env", "MODE=x", "python", "train.py"), ""),
}


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_set_is_seen_behind_any_launcher(ask, tmp_path, launcher):
    command, shell = LAUNCHERS[launcher]
    (tmp_path / "run.sh").write_text(shell)
    names = "random.seed(' '.join({'hip', 'knee', 'ankle', 'wrist', 'elbow'}))"
    status, answer, errors = ask(names, command=command)
    assert status == 1, errors
    first = answer["first"]
    assert (first["file"], first["line"], first["event"]["kind"]) == ("train.py", 7, "seed")
    assert any(one["kind"] == "set-order" and one["line"] == 7 for one in answer["audit"])


RANKS = """\
import os, random, subprocess, sys
if "RANK" not in os.environ:
    for rank in {order}:
        subprocess.Popen([sys.executable, __file__], env={{**os.environ, "RANK": str(rank)}}).wait()
else:
    random.seed(int(os.environ["RANK"]))
    for _ in range(20):
        random.random()
"""


@pytest.mark.parametrize("order", ["(0, 1)", "((0, 1) if os.environ['SAC_WHY_RUN'] == '1' else (1, 0))"])
def test_ranks_are_held_against_the_same_rank(tmp_path, order):
    script = tmp_path / "train.py"
    script.write_text(RANKS.format(order=order))
    done = sac("why", "--json", "--runs", "2", "--", sys.executable, str(script))
    assert (done.returncode, json.loads(done.stdout)["compared_events"]) == (0, 42), done.stdout
