"""Two runs in one folder: what they disturb each other by is named, and is never called a divergence of the script."""

from __future__ import annotations

import json
import sys

import pytest

from tests.why.test_corpus import sac

SECOND = "import os, random, sys, time\nif os.environ['SAC_WHY_RUN'] == '2':\n    time.sleep(0.7)\n"
TRAIN = "random.seed(1)\nfor _ in range(20):\n    random.random()\n"
DISTURBED = {
    "a folder that is made": ("os.makedirs('out')\n" + TRAIN, 4),
    "a folder that is refused": ("if os.path.isdir('out'):\n    sys.exit('out exists')\nos.mkdir('out')\n" + TRAIN, 4),
    "a checkpoint to resume from": (
        "random.seed(1)\nif os.path.exists('last.txt'):\n    random.seed(int(open('last.txt').read()))\n"
        "random.random()\nopen('last.txt', 'w').write('7')\n",
        5,
    ),
    "a counter": (
        "from pathlib import Path\ncount = int(Path('count').read_text())\nPath('count').write_text(str(count + 1))\n"
        "random.seed(count)\nrandom.random()\n",
        5,
    ),
    "a mark that all is done": (
        "if os.path.exists('done'):\n    sys.exit()\n" + TRAIN + "open('done', 'w').close()\n",
        4,
    ),
    "a lock": ("open('lock', 'x').close()\n" + TRAIN, 4),
    "a database": (
        "import sqlite3\nrandom.seed(1)\nbase = sqlite3.connect('runs.db')\n"
        "base.execute('create table if not exists runs (number)')\n"
        "number = len(base.execute('select * from runs').fetchall())\n"
        "base.execute('insert into runs values (1)')\nbase.commit()\nrandom.randint(0, 9 + number)\n",
        6,
    ),
}
HARMLESS = {
    "a log that both append to": (TRAIN + "open('log', 'a').write('x')\n", "both runs wrote log (train.py:7)"),
    "a folder that may be there": ("os.makedirs('out', exist_ok=True)\n" + TRAIN, ""),
    "a folder that is asked for": ("if not os.path.exists('out'):\n    os.makedirs('out')\n" + TRAIN, ""),
    "a file of a temporary name": ("import tempfile\ntempfile.NamedTemporaryFile()\n" + TRAIN, ""),
    "devices": ("open('/dev/null', 'w').write('x')\n" + TRAIN, ""),
    "a dataset that was there before": ("open('count').read()\n" + TRAIN, ""),
    "files of unlike names": ("open(f'log.{os.getpid()}', 'w').close()\n" + TRAIN, ""),
    "a log of workers": (
        "child = os.fork()\nif not child:\n    random.seed(2)\n    open('log', 'a').write('x')\n    os._exit(0)\n"
        "os.waitpid(child, 0)\n" + TRAIN,
        "both runs wrote log (train.py:7)",
    ),
    "a cache": ("os.makedirs('.cache/x', exist_ok=True)\nopen('.cache/x/y', 'w').write('x')\n" + TRAIN, ""),
}
UNSEEDED = "import numpy\nnumpy.random.default_rng().normal()\n"


@pytest.fixture
def ask(tmp_path):
    """Asks why of a script whose second run is late, in a folder of its own; returns status, answer and errors."""

    def run(text, *arguments, option="--json"):
        (tmp_path / "train.py").write_text(SECOND + text)
        (tmp_path / "count").write_text("0")
        done = sac("why", option, "--", sys.executable, "train.py", *arguments, cwd=tmp_path)
        return done.returncode, json.loads(done.stdout) if option == "--json" else done.stdout, done.stderr

    return run


@pytest.mark.parametrize("name", DISTURBED)
def test_a_run_that_its_twin_disturbs_proves_nothing_and_the_file_is_named(ask, name):
    text, line = DISTURBED[name]
    status, answer, error = ask(text)
    assert (status, answer["equal"]) == (2, None), answer
    assert "the two runs share " in error
    assert "--out runs/{run}" in error
    assert (answer["first"]["cause"], answer["first"]["line"]) == ("shared-file", line), answer["first"]


@pytest.mark.parametrize("name", HARMLESS)
def test_files_that_disturb_nobody_are_no_failure(ask, name):
    text, note = HARMLESS[name]
    status, answer, error = ask(text)
    assert (status, answer["equal"]) == (0, True), (answer["first"], error)
    assert len(answer["notes"]) == bool(note), answer["notes"]
    assert not note or note in answer["notes"][0]


def test_with_a_place_for_each_run_the_same_script_is_equal(ask, tmp_path):
    text = "os.makedirs(sys.argv[1])\n" + TRAIN
    assert ask(text, "out")[0] == 2
    assert ask(text, "out.{run}")[0] == 0
    assert sorted(path.name for path in tmp_path.glob("out.*")) == ["out.1", "out.2", "out.3"]


@pytest.mark.parametrize("place", ["out-{run}", "{run}"])
def test_a_run_that_says_and_keeps_where_it_works_is_equal(ask, place):
    text = (
        "import argparse, json\nparser = argparse.ArgumentParser()\nparser.add_argument('--exp-name')\n"
        "options = parser.parse_args()\nprint(vars(options))\nfolder = 'place' + os.environ['SAC_WHY_RUN']\n"
        "os.makedirs(folder)\n" + TRAIN + "json.dump({**vars(options), 'score': random.random()}, "
        "open(folder + '/options.json', 'w'))\nopen(folder + '/log.txt', 'w').write(f'{options}')\n"
    )
    status, answer, error = ask(text, "--exp-name", place)
    assert (status, answer["equal"]) == (0, True), (answer["unseen"], answer["first"], error)


def test_a_fault_of_the_script_is_still_its_fault_though_files_are_shared(ask):
    text = "open('config', 'w').write('x')\nopen('config').read()\n" + UNSEEDED + "open('last', 'w').close()\n"
    status, answer, _ = ask(text)
    assert (status, answer["first"]["cause"]) == (1, "unseeded-generator"), answer["first"]
    assert any("config" in note for note in answer["notes"])


def test_a_log_that_is_emptied_as_it_is_opened_is_not_read_from_the_other_run(ask):
    status, answer, _ = ask("log = open('log', 'w+')\nseed = int(time.time())\nrandom.seed(seed)\nrandom.random()\n")
    assert (status, answer["first"]["cause"], answer["first"]["line"]) == (1, "seed-from-clock", 5), answer


def test_what_is_shared_after_the_divergence_is_not_blamed(ask):
    text = "random.seed(1)\nrandom.randint(0, int(os.environ['SAC_WHY_RUN']))\n"
    text += "open('best', 'a').write('x')\nopen('best').read()\n"
    status, answer, _ = ask(text)
    assert (status, answer["equal"], answer["first"]["shared"]) == (1, False, None), answer["first"]


def test_a_run_that_fails_by_itself_is_not_blamed_on_a_file_that_both_wrote(ask):
    text = "open('config', 'w').close()\nos.makedirs('out', exist_ok=True)\n" + TRAIN
    text += "if os.environ['PYTHONHASHSEED'] == '2':\n    raise MemoryError('too little')\nrandom.random()\n"
    status, answer, _ = ask(text)
    assert (status, answer["first"]["cause"]) == (1, "one-run-ended"), answer["first"]


def test_people_are_told_the_file_and_the_lines(ask):
    _, said, _ = ask(DISTURBED["a checkpoint to resume from"][0], option="--runs=2")
    assert said.startswith("nothing proved: the two runs share a file")
    assert "last.txt: run 1 changed it at train.py:8, run 2 read it at train.py:5" in said
    assert "diverged" not in said


def test_a_checkpoint_of_torch_is_seen_though_compiled_code_writes_it(ask):
    text = "import torch\ntorch.manual_seed(1)\nstart = torch.load('last.pt') if os.path.exists('last.pt') else 0\n"
    text += "torch.normal(torch.zeros(2) + start)\ntorch.save(1, 'last.pt')\n"
    status, answer, _ = ask(text)
    assert (status, answer["first"]["cause"], answer["first"]["line"]) == (2, "shared-file", 6), answer["first"]
