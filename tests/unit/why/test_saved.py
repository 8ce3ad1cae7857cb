"""What two runs have saved: compared by content, and nothing is called compared that was not."""

from __future__ import annotations

import os
import zipfile

import numpy as np
import pytest
import torch

from sac.why.saved import NothingSaved, free_prefix, unlike_files


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for run in ("run-1", "run-2"):
        (tmp_path / "runs" / run).mkdir(parents=True)
    return tmp_path


def save(write, *values):
    for number, value in enumerate(values, start=1):
        write(f"runs/run-{number}", value)


def text(folder, value):
    with open(f"{folder}/log.csv", "w") as file:
        file.write(value)


def policy(folder, value):
    state = {"weight": torch.full((3, 2), value), "bias": torch.zeros(3)}
    # The archive is named after the file that it was first written to.
    torch.save(state, f"{folder}/policy.pt")


def arrays(folder, value):
    np.savez(f"{folder}/arrays.npz", a=np.full(4, value), b=np.zeros(2))


def compared(pattern="runs/{run}/*"):
    count, unlike = unlike_files([pattern], "run-1", "run-2")
    return count, [one.text for one in unlike]


@pytest.mark.parametrize("write, value", [(text, "a,b\n1,2\n"), (policy, 0.5), (arrays, 0.5)])
def test_equal_content_is_equal(here, write, value):
    save(write, value, value)
    assert compared() == (1, [])


@pytest.mark.parametrize(
    "write, a, b, words",
    [
        (text, "a,b\n1,2\n", "a,b\n1,3\n", "runs/{run}/log.csv: differs from byte 6 on, of 8 and 8"),
        (text, "a,b\n", "a,b\n1,3\n", "runs/{run}/log.csv: differs from byte 4 on, of 4 and 8"),
        (arrays, 0.5, 0.25, "runs/{run}/arrays.npz: 1 of 2 parts differ: a.npy"),
    ],
)
def test_what_differs_is_named(here, write, a, b, words):
    save(write, a, b)
    assert compared() == (1, [words])


def test_one_ulp_in_one_weight_is_seen(here):
    save(policy, 0.5, float(np.nextafter(np.float32(0.5), np.float32(1))))
    _, (unlike,) = compared()
    assert "parts differ: data/0" in unlike


def test_archives_written_at_other_times_are_equal(here):
    for run, year in (("run-1", 2020), ("run-2", 2021)):
        with zipfile.ZipFile(f"runs/{run}/data.zip", "w") as archive:
            archive.writestr(zipfile.ZipInfo("member", (year, 1, 1, 0, 0, 0)), b"content")
    assert compared() == (1, [])


def test_a_damaged_archive_is_compared_by_its_bytes(here):
    save(policy, 0.5, 0.25)
    for run in ("run-1", "run-2"):
        with open(f"runs/{run}/policy.pt", "r+b") as file:
            file.seek(64)
            file.write(b"\xff" * 64)
    _, (unlike,) = compared()
    assert "differs" in unlike


def test_a_file_that_one_run_lacks_is_a_difference(here):
    save(text, "x")
    assert compared() == (0, ["runs/{run}/log.csv: only run run-1 has it"])


def test_folders_below_are_found(here):
    for run in ("run-1", "run-2"):
        os.makedirs(f"runs/{run}/models/{run}")
        text(f"runs/{run}/models/{run}", "x")
    assert compared("runs/{run}/**/*.csv") == (1, [])


def test_a_pattern_that_matches_nothing_is_an_error(here):
    with pytest.raises(NothingSaved, match=r"--compare runs/\{run\}/\*\.pt: no run has left such a file"):
        compared("runs/{run}/*.pt")


def test_a_pattern_that_does_not_tell_the_runs_apart_is_refused(here):
    with pytest.raises(NothingSaved, match=r"--compare out/\*\.pt: all runs would write the same files"):
        free_prefix(["out/*.pt"], 2)


def test_what_an_earlier_gate_has_left_is_not_compared_and_the_runs_get_other_names(here):
    assert free_prefix(["out/{run}/*.csv"], 2) == ("run-", None)
    save(text, "old", "old")
    prefix, left = free_prefix(["runs/{run}/*.csv"], 2)
    assert (prefix, str(left)) == ("gate2-run-", "runs/run-1")
    (here / "runs" / "gate2-run-2").mkdir()
    assert free_prefix(["runs/{run}/*.csv"], 2)[0] == "gate3-run-"


@pytest.mark.parametrize("word", ["--output=runs/{run}", "runs/{run}"])
def test_a_folder_that_only_the_command_names_is_seen_too(here, word):
    save(text, "old", "old")
    assert free_prefix([], 2, ["python", "train.py", word])[0] == "gate2-run-"
    assert free_prefix([], 2, ["python", "train.py", "--lr=0.1"])[0] == "run-"
