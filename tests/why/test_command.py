"""`sac why` and `sac trace` as a person types them: in fresh processes, on scripts of a few lines."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from sac.why.command import why_command
from sac.why.trace import read_trace
from sac.why.variation import KINDS
from tests.why.test_corpus import sac

DRAW = "import random, sys\nrandom.seed(int(sys.argv[1]))\nfor _ in range(20):\n    random.random()\n"
ONLY_THE_THIRD = """\
import os, random
random.seed(1)
if os.environ["PYTHONHASHSEED"] == "3":
    random.seed(2)
print(random.random())
"""
NET = """\
import sys, torch
torch.manual_seed(1)
net = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))
x = torch.ones(2, 4)
{}
print(net(x).sum().item())
"""
PUT = "x.put_(torch.tensor([0, 0]), torch.tensor([1.0, 2.0]))"


@pytest.fixture
def script(tmp_path):
    """Writes a script and gives the command that runs it."""

    def write(text, *arguments):
        path = tmp_path / "train.py"
        path.write_text(text)
        return [sys.executable, str(path), *arguments]

    return write


# ---------------------------------------------------------------- traces of two machines


def traced(path: Path, command) -> str:
    done = sac("trace", "-o", str(path), "--", *command)
    assert done.returncode == 0, done.stderr
    assert f"21 events in {path}" in done.stdout
    return str(path)


def test_two_traces_of_equal_runs_are_equal(tmp_path, script):
    a, b = (traced(tmp_path / name, script(DRAW, "1")) for name in ("a.trace", "b.trace"))
    done = sac("why", a, b)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "equal: 21 events compared"), done.stderr


def test_two_traces_of_unlike_seeds_part_at_the_seed(tmp_path, script):
    a, b = (traced(tmp_path / f"{seed}.trace", script(DRAW, seed)) for seed in "12")
    done = sac("why", "--json", a, b)
    first = json.loads(done.stdout)["first"]
    assert done.returncode == 1
    assert (first["line"], first["event"]["kind"]) == (2, "seed")


def test_a_trace_is_overwritten_whole_and_nothing_beside_it_is_touched(tmp_path, script):
    (tmp_path / "a.trace.notes").write_text("mine")
    (tmp_path / "a.trace.7-1a2b").write_text("of an earlier run with more processes")
    traced(tmp_path / "a.trace", script(DRAW, "1"))
    traced(tmp_path / "a.trace", script(DRAW, "1"))
    assert sorted(path.name for path in tmp_path.glob("a.trace*")) == ["a.trace", "a.trace.notes"]


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["a.trace"], "give two traces, or a command after `--`"),
        (["a.trace", "b.trace", "c.trace"], "give two traces"),
        (["a.trace", "nowhere.trace"], "can't read the trace"),
        (["a.trace", "a.trace", "--", "python", "train.py"], "give two traces"),
        (["notes.txt", "notes.txt"], "write one by `sac trace`"),
        (["--same", "weather", "--", "python", "train.py"], "'weather': expected some of hash, clock"),
        (["--root", "nowhere", "--", "python", "train.py"], "'nowhere': expected a folder"),
        (["--", "python", "nowhere.py"], "there is no script 'nowhere.py'"),
        (["--", "no_such_program"], "there is no program 'no_such_program'"),
        ([], "no command: write it after `--`"),
        (["--runs", "1", "--", "python", "train.py"], "at least 2 runs"),
        (["--runs", "two", "--", "python", "train.py"], "invalid int value: 'two'"),
        (["--until", "-5", "--", "python", "train.py"], "'-5': expected a number of events"),
        (["--minutes", "nan", "--", "python", "train.py"], "'nan': expected a number of minutes"),
        (["--keep", "a.trace", "--", "python", "train.py"], "--keep a.trace: can't be a folder"),
        (["--keep", ".", "--", "python", "train.py"], "--keep .: it holds a.trace, and no answer of `sac why`"),
        (["--keep", ".", "a.trace", "b.trace"], "name a folder that is new or empty, or one that was kept before"),
        (["--", "python", "-c", "print(1)"], "write it into a file"),
        (["--", "python"], "write it into a file"),
        (["--", "true"], "the tracer never started"),
        (["--", "true"], "leave it what PYTHONPATH holds"),
        (["--", "python", "."], "the folder '.' can't be executed: it holds no __main__.py"),
        (["--vary", "OMP_NUM_THREADS", "--", "python", "train.py"], "expected NAME=A,B"),
    ],
)
def test_what_cannot_be_asked_is_bad_input_that_teaches(tmp_path, script, arguments, said):
    traced(tmp_path / "a.trace", script(DRAW, "1"))
    (tmp_path / "notes.txt").write_text("mine")
    for name in ("b.trace", "c.trace"):
        (tmp_path / name).write_bytes((tmp_path / "a.trace").read_bytes())
    done = sac("why", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_with_an_earlier_answer_is_kept_again_and_one_with_another_answer_json_is_not(tmp_path, script):
    kept = tmp_path / "kept"
    for _ in range(2):
        assert sac("why", "--keep", str(kept), "--", *script(DRAW, "1")).returncode == 0
    (kept / "answer.json").unlink()
    assert sac("why", "--keep", str(kept), "--", *script(DRAW, "1")).returncode == 0, "what Ctrl-C left is its own"
    (kept / "answer.json").write_text("{}")
    done = sac("why", "--keep", str(kept), "--", *script(DRAW, "1"))
    assert (done.returncode, (kept / "answer.json").read_text()) == (2, "{}")
    assert f"--keep {kept}: it holds answer.json" in done.stderr


def test_a_command_that_fails_is_traced_as_far_as_it_came(tmp_path, script):
    done = sac("trace", "-o", str(tmp_path / "a.trace"), "--", *script(DRAW + "raise ValueError('no')\n", "1"))
    assert done.returncode == 2
    assert "the command ended with status 1: ValueError: no" in done.stderr
    assert len(read_trace(tmp_path / "a.trace").flows) == 21


# ---------------------------------------------------------------- more than two runs


def test_a_third_run_shows_what_two_do_not(script):
    done = sac("why", "--json", "--runs", "3", "--", *script(ONLY_THE_THIRD))
    assert done.returncode == 1
    first = json.loads(done.stdout)["first"]
    assert [one["line"] for one in first["only_in_one_run"]] == [4]


@pytest.mark.parametrize("runs", ["2", "4"])
def test_equal_runs_are_equal_however_many(script, runs):
    text = ONLY_THE_THIRD if runs == "2" else DRAW
    done = sac("why", "--runs", runs, "--", *script(text, "1"))
    assert done.returncode == 0, done.stdout


# ---------------------------------------------------------------- what no event shows


@pytest.mark.parametrize(
    "printed, unseen",
    [("hash('a')", True), ("random.random()", False), ("f'SPS {hash(str())}, {time.time()} s, {time.ctime()}'", False)],
)
def test_runs_that_print_other_words_differ_though_no_event_does(script, printed, unseen):
    done = sac("why", "--json", "--", *script(f"import time\n{DRAW}print('first')\nprint({printed})\n", "1"))
    answer = json.loads(done.stdout)
    cause = "hash-value" if unseen else None
    assert (done.returncode, answer["equal"]) == (int(unseen), not unseen)
    assert (answer["first"] or {"cause": None})["cause"] == cause
    assert [one.split(":")[0] for one in answer["unseen"]] == (["line 2 of what is printed"] if unseen else [])
    assert ("masked: times, dates" in "".join(answer["unseen"])) == unseen


@pytest.mark.parametrize("returned, uncompared", [("iter([1])", True), ("[1]", False)])
def test_what_was_not_compared_is_named_and_never_equal(script, returned, uncompared):
    text = f"import numpy\ndef f():\n    return {returned}\nnumpy.random.seed(1)\nnumpy.random.shuffle([f()])\n"
    done = sac("why", "--json", "--", *script(text))
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["equal"]) == ((2, None) if uncompared else (0, True))
    assert any("builtins.list_iterator at train.py:5" in one for one in answer["uncompared"]) == uncompared


# ---------------------------------------------------------------- what differs between the runs


@pytest.mark.parametrize(
    "seed",
    ["int(time.time())", "time.gmtime().tm_hour", "datetime.date.today().month", "datetime.datetime.now().second"],
)
def test_a_seed_of_the_clock_is_found_however_coarse(script, seed):
    text = f"import datetime, random, time\nrandom.seed({seed})\nrandom.random()\n"
    done = sac("why", "--json", "--proofs", "0", "--", *script(text))
    assert (done.returncode, json.loads(done.stdout)["first"]["line"]) == (1, 2)


@pytest.mark.parametrize(
    "kind, text",
    [
        ("clock", "import random, time\nrandom.seed(int(time.time()) // 100)\n"),
        ("hash", "import random\nrandom.seed(hash('a'))\n"),
        ("listing", "import os, random\nrandom.seed(os.listdir('/')[0])\n"),
    ],
)
def test_what_is_kept_the_same_parts_nobody_and_all_is_listed(script, kind, text):
    ask = ["why", "--json", "--proofs", "0"]
    assert sac(*ask, "--", *script(text)).returncode == 1
    done = sac(*ask, "--same", kind, "--", *script(text))
    assert done.returncode == 0, done.stdout
    varied = json.loads(done.stdout)["varied"]
    assert len(varied) == len(KINDS), "all but the one, and what differs by itself"
    assert any("clock" in one for one in varied) == (kind != "clock")


def test_a_command_may_stand_without_dashes(script):
    command = script(DRAW, "1")
    assert sac("why", "--runs", "2", *command).returncode == 0
    assert sac("why", "--runs", "2", *command[1:]).returncode == 0


def test_an_error_of_the_tool_itself_is_no_divergence(script, monkeypatch, capsys):
    def broken(*_):
        raise KeyError("label")

    monkeypatch.setattr("sac.why.command.ask", broken)
    assert why_command(["--", *script(DRAW, "1")]) == 2
    assert "internal error" in capsys.readouterr().err


@pytest.mark.parametrize(
    "end, status, said",
    [
        ("raise ValueError('no')", 2, "run 2 ended with status 1: ValueError: no"),
        ("os.kill(os.getpid(), 11)", 2, "run 2 was killed by SIGSEGV"),
        ("os._exit(0)", 0, ""),
        ("raise SystemExit(0)", 0, ""),
    ],
)
def test_a_run_that_fails_at_its_end_is_no_proof_of_equality(script, end, status, said):
    text = f"import os\nif os.environ['PYTHONHASHSEED'] == '2':\n    {end}\n"
    done = sac("why", "--", *script(DRAW + text, "1"))
    assert done.returncode == status
    assert said in done.stdout
    assert "has no end" not in done.stdout or "SIGSEGV" in said


def test_a_run_that_was_stopped_because_the_answer_was_certain_is_not_called_killed(script):
    text = "import random, time\nwhile True:\n    random.random()\n    time.sleep(0.001)\n"
    done = sac("why", "--", *script(text))
    assert (done.returncode, "diverged: " in done.stdout) == (1, True)
    assert "has no end" not in done.stdout


# ---------------------------------------------------------------- operations of torch


def deep(command) -> list[str]:
    done = sac("why", "--json", "--deep", "--vary", "LIKE=a,b", "--", *command)
    return [*json.loads(done.stdout)["deep"], str(done.returncode)]


def test_deep_names_the_operation_that_differs_first(script):
    text = NET.format("import os\nif os.environ['LIKE'] == 'b':\n    net[0].weight.data[0, 0] += 1")
    lines = deep(script(text))
    assert lines[1] == "deep: first operation that only one run has: aten.detach.default, from train.py:7"
    assert lines[-1] == "1"


def test_deep_lists_operations_that_torch_knows_to_be_nondeterministic_with_their_line(script):
    lines = deep(script(NET.format(f"{PUT}\nimport os\nx[0, 0] = os.environ['LIKE'] == 'b'")))
    assert any(line.startswith("deep: train.py:5 put_") for line in lines), lines


def test_deep_says_nothing_of_equal_runs(script):
    assert deep(script(NET.format(PUT))) == ["0"]


def test_deep_does_not_blame_torch_for_what_it_did_not_do(script):
    lines = deep(script("import os, random, torch\nrandom.seed(os.environ['LIKE'])\nrandom.random()\n"))
    assert any("no operation of torch differs" in line for line in lines), lines
    assert not any("first operation" in line for line in lines)
