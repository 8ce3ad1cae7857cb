"""`sac stats`: what it prints, writes, answers and refuses."""

import csv
import json

import pytest

from sac.cli import main
from tests.unit.statistics.made_runs import change_on_purpose, make_run, make_seeds

LOW, HIGH = [0.31, 0.42, 0.38, 0.5, 0.27], [0.88, 0.79, 0.91, 0.84, 0.7]


@pytest.fixture
def sides(tmp_path):
    return make_seeds(tmp_path / "low", LOW), make_seeds(tmp_path / "high", HIGH, gamma=0.95)


@pytest.mark.parametrize("flags, status", [([], 0), (["--at=best"], 0), (["--metric=return"], 0)])
def test_one_experiment_is_described(sides, capsys, flags, status):
    assert main(["stats", str(sides[0]), *flags]) == status
    out = capsys.readouterr().out
    assert "iqm" in out and "Seeds on each side" in out


@pytest.mark.parametrize("more", [[], ["--sequential"], ["--at=average"], ["--metric=return"]])
def test_a_difference_has_status_1(sides, capsys, more):
    assert main(["stats", str(sides[1]), "--against", str(sides[0]), *more]) == 1
    assert "Point-v1: difference: " in capsys.readouterr().out


@pytest.mark.parametrize("flags, status", [([], 0), (["--difference=0.01"], 4), (["--metric=return"], 4)])
def test_likeness_is_no_difference_only_where_there_is_no_room_for_one(tmp_path, capsys, flags, status):
    a, b = make_seeds(tmp_path / "a", LOW), make_seeds(tmp_path / "b", [value + 0.01 for value in LOW])
    assert main(["stats", str(a), "--against", str(b), *flags]) == status


def test_files_hold_every_table(sides, tmp_path):
    out = tmp_path / "out"
    flags = [f"--csv={out}", f"--markdown={out / 'all.md'}", f"--latex={out / 'all.tex'}"]
    assert main(["stats", str(sides[0]), "--against", str(sides[1]), *flags]) == 1
    names = sorted(path.stem for path in out.glob("*.csv"))
    assert names == ["comparison", "curves", "difference_curve", "profile", "results", "seeds"]
    with (out / "results.csv").open(newline="") as file:
        row = next(csv.DictReader(file))
    assert float(row["mean"]) == pytest.approx(sum(LOW) / 5)
    assert float(row["mean low"]) < float(row["mean"]) < float(row["mean high"])
    assert (out / "all.md").read_text().count("\n### ") == 5
    assert (out / "all.tex").read_text().count(r"\begin{table}") == 6


def test_json_is_one_object_without_nan(tmp_path, capsys):
    a, b = make_seeds(tmp_path / "a", [1.0] * 5), make_seeds(tmp_path / "b", [1.0] * 5)
    assert main(["stats", str(a), "--against", str(b), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["answers"]["Point-v1"]["effect"]["low"] is None
    assert "how much others would differ is not known" in found["answers"]["Point-v1"]["reason"]


def test_experiments_of_one_folder_are_named_by_their_flags(tmp_path, capsys):
    make_seeds(tmp_path / "all", LOW)
    for seed, value in enumerate(HIGH, start=42):
        make_run(tmp_path / "all" / f"other {seed}", {100: value, 200: value}, seed, gamma=0.95)
    assert main(["stats", str(tmp_path / "all")]) == 0
    out = capsys.readouterr().out
    assert "| gamma=0.95 | 5 | 5 | final |" in out and "Each experiment beside the first, gamma=0.95" in out
    assert main(["stats", str(tmp_path / "all"), "--against", str(tmp_path / "all")]) == 2
    assert "holds 2 experiments" in capsys.readouterr().err


def test_a_run_that_repeats_another_counts_once(sides, tmp_path, capsys):
    make_run(sides[0] / "again", {100: LOW[0] / 2, 200: LOW[0]}, 42)
    assert main(["stats", str(sides[0])]) == 0
    assert "repeats seed 42 exactly" in capsys.readouterr().out


def test_a_run_that_ends_early_is_named(sides, capsys):
    make_run(sides[0] / "short", {100: 0.2}, 99)
    assert main(["stats", str(sides[0])]) == 0
    assert "compared up to step 100" in capsys.readouterr().out


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--alpha=0"], "--alpha 0.0: must lie between 0 and 1"),
        (["--difference=-1"], "--difference -1.0: must be greater than 0"),
        (["--sequential"], "--against RUNS"),
        (["--most_seeds=7"], "add that, or leave this out"),
        (["--against", "nowhere"], "nowhere: no such folder"),
    ],
)
def test_bad_flags_are_refused(sides, capsys, flags, message):
    assert main(["stats", str(sides[0]), *flags]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "values, flags, message",
    [
        ([0.5], {}, "has 1 run of Point-v1"),
        (HIGH, {"steps": (100, 300)}, "ends at env step 200 in RUNS, at 300 there"),
        (HIGH, {"env_id": "PickCube-v1"}, "the tasks differ"),
    ],
)
def test_what_can_not_be_compared_is_refused(sides, tmp_path, capsys, values, flags, message):
    other = make_seeds(tmp_path / "other", values, **flags)
    assert main(["stats", str(sides[0]), "--against", str(other)]) == 2
    assert message in capsys.readouterr().err


def test_a_run_is_not_compared_with_itself(sides, capsys):
    assert main(["stats", str(sides[0]), "--against", str(sides[0])]) == 2
    assert "can't be on both sides" in capsys.readouterr().err


UNUSABLE = {
    b"": "holds no line with the names of its columns",
    b"\xff\xfe": "holds no line with the names of its columns",
    b"step,success_once\n1,nan\n": "line 2: expected a finite number, found 'nan'",
    b"step,success_once\n": "holds no evaluation with success_once",
}


@pytest.mark.parametrize("content", UNUSABLE)
def test_a_run_without_evaluations_is_named(sides, capsys, content):
    path = sides[0] / "seed=42" / "metrics.csv"
    path.write_bytes(content)
    assert main(["stats", str(sides[0])]) == 2
    told = capsys.readouterr().err
    assert f"{path}: {UNUSABLE[content]}" in told and "leave this run out" in told


@pytest.mark.parametrize("told", [{"kind": "one ULP", "target": "weight"}, {}, None, "x"])
def test_a_run_that_was_changed_on_purpose_is_left_out_and_said_to_be(tmp_path, capsys, told):
    """Negative control: the same run without the note counts, and moves the mean."""
    make_seeds(tmp_path / "runs", LOW)
    assert main(["stats", str(tmp_path / "runs"), "--json"]) == 0
    alone = json.loads(capsys.readouterr().out)
    changed = make_run(tmp_path / "runs" / "changed", {100: 0.5, 200: 1.0}, seed=42)
    assert main(["stats", str(tmp_path / "runs"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tables"] != alone["tables"]
    change_on_purpose(changed, told)
    assert main(["stats", str(tmp_path / "runs"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["tables"] == alone["tables"]
    assert [note for note in found["notes"] if "changed: was changed on purpose" in note and "left out" in note]


def test_runs_that_were_all_changed_on_purpose_are_no_samples(tmp_path, capsys):
    changed = change_on_purpose(make_run(tmp_path / "one_ulp", {100: 0.5}), {"kind": "one ULP"})
    assert main(["stats", str(changed)]) == 2
    assert f"{changed}: was changed on purpose (one ULP)" in capsys.readouterr().err
