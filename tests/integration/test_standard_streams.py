"""Standard streams that are closed, full, or read by nobody change no result of any command."""

from __future__ import annotations

import itertools
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from sac.cli import main
from sac.ledger.file import LedgerWriter, read_ledger
from sac.processes import sac_command
from tests.determinism.runs import assert_equal
from tests.nightly import NIGHTLY

FLAGS = "--env_id=Point-v1 --num_envs=2 --training_freq=8 --batch_size=8 --buffer_size=100 --learning_starts=8"
FLAGS += " --total_timesteps=32 --eval_freq=16 --num_eval_steps=20 --num_eval_envs=1 --threads=1 --log_freq=8"
CLOSED = [" ".join(chosen) for count in range(4) for chosen in itertools.combinations(("<&-", ">&-", "2>&-"), count)]
BROKEN = [*CLOSED, ">/dev/full", "2>/dev/full", ">/dev/full 2>/dev/full", "1</dev/null"]
HARSH = ["<&- >&- 2>&-", ">/dev/full 2>/dev/full"]
# Command -> its exit status where nothing is wrong with its streams. {a} and {b} are equal runs, {c} is another.
QUICK = {
    "--version": 0,
    "--help": 0,
    "diff {a} {b}": 0,
    "diff --json {a} {b}": 0,
    "diff {a} {c}": 1,
    "diff {a} {new}": 2,
    "report {a} -o {new}": 0,
    "report {a} -o {new} --markdown -": 0,
    "trian": 2,
    "bench compare --base no-such-revision": 2,
}
SLOW = {
    f"train {FLAGS} --run_dir={{new}}": 0,
    "eval {a} --episodes=1": 0,
    f"twin {FLAGS} --no-tensorboard": 0,
    f"twin {FLAGS} --no-tensorboard --vary seed=1,2": 1,
    "golden point": 0,
    "train --resume {a}": 0,
    "doctor": 0,
    "why -- {python} {script}": 0,
    "gate -- {python} {script}": 0,
    "trace -o {new} -- {python} {script}": 0,
}
SLOW_ALWAYS = {"eval {a} --episodes=1"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two equal runs and another, and a script."""
    root = tmp_path_factory.mktemp("runs")
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert main(["train", *FLAGS.split(), f"--seed={seed}", f"--run_dir={root / name}"]) == 0
    (root / "script.py").write_text("import random\nrandom.seed(1)\nprint(random.random())\n")
    return root


def status(command: str, runs: Path, new: Path, streams: str) -> int:
    """Run a command below these redirections of a shell."""
    places = {name: str(runs / name) for name in "abc"}
    words = command.format(**places, new=new, python=sys.executable, script=runs / "script.py").split()
    script = f"exec {shlex.join(sac_command(words))} {streams}"
    return subprocess.run(["bash", "-c", script], capture_output=True, check=False, cwd=new.parent).returncode


@pytest.mark.parametrize("streams", BROKEN if NIGHTLY else HARSH)
def test_the_status_is_that_of_the_result(runs, tmp_path, streams):
    found = {name: status(name, runs, tmp_path / str(number), streams) for number, name in enumerate(QUICK)}
    assert found == QUICK


@pytest.mark.parametrize("streams", BROKEN if NIGHTLY else HARSH[:1])
def test_so_it_is_where_something_is_computed(runs, tmp_path, streams):
    commands = {name: code for name, code in SLOW.items() if NIGHTLY or name in SLOW_ALWAYS}
    found = {name: status(name, runs, tmp_path / str(number), streams) for number, name in enumerate(commands)}
    assert found == commands


@pytest.mark.parametrize("streams", ["<&- >&- 2>&-", ">/dev/full 2>/dev/full"])
def test_training_goes_on_to_the_end_and_no_word_lands_in_its_files(runs, tmp_path, streams):
    assert status(f"train {FLAGS} --seed=1 --run_dir={{new}}", runs, tmp_path / "run", streams) == 0
    assert_equal(read_ledger(tmp_path / "run"), read_ledger(runs / "a"))
    for name in ("metrics.csv", "policy.pt"):
        assert (tmp_path / "run" / name).read_bytes() == (runs / "a" / name).read_bytes()


def test_training_goes_on_when_its_reader_has_gone(runs, tmp_path):
    command = shlex.join(sac_command(["train", *FLAGS.split(), "--seed=1", f"--run_dir={tmp_path / 'run'}"]))
    script = f"({command} 2>&1; echo $? >{shlex.quote(str(tmp_path / 'status'))}) | head -1 >/dev/null"
    subprocess.run(["bash", "-c", script], check=True)
    assert (tmp_path / "status").read_text() == "0\n"
    assert_equal(read_ledger(tmp_path / "run"), read_ledger(runs / "a"))


def test_a_result_that_could_not_be_printed_is_told(tmp_path):
    with LedgerWriter(tmp_path / "a", {"config": {"env_id": "Point-v1"}}) as ledger:
        ledger.write(0, 0, {"env.seed": "0" * 16})
    command = shlex.join(sac_command(["diff", str(tmp_path / "a"), str(tmp_path / "a")]))
    done = subprocess.run(["bash", "-c", f"{command} >/dev/full"], stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0
    assert (
        done.stderr
        == "sac: standard output could not be written (No space left on device): what is there lacks a part\n"
    )


# What the descriptors of a process and of its worker lead to, where its own were closed.
DESCRIPTORS = """
import os, sys
from sac import standard_streams
standard_streams.protect()
found = open(sys.argv[1], "w")
print([os.readlink(f"/proc/self/fd/{n}") for n in range(3)], found.fileno() > 2, file=found, flush=True)
os.system("ls -l /proc/self/fd >> " + sys.argv[1])
"""


def test_a_closed_descriptor_leads_nowhere_also_in_children(tmp_path):
    found = tmp_path / "found"
    command = shlex.join([sys.executable, "-c", DESCRIPTORS, str(found)])
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run(["bash", "-c", f"exec {command} <&- >&- 2>&-"], check=True, env=environment)
    own, children = found.read_text().split("\n", 1)
    assert own == f"{['/dev/null'] * 3} True"
    assert "0 -> /dev/null" in children and "2 -> /dev/null" in children
