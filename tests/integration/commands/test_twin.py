"""Twins that train: what is compared, what is kept, and what each way to end leaves."""

from __future__ import annotations

import contextlib
import io
import shutil

import pytest

from sac.cli import main
from sac.commands import twin
from tests.unit.commands.short_twins import POINT, temporary

__all__ = ["temporary"]


@pytest.fixture(scope="module")
def equal(tmp_path_factory):
    """Equal twins that are kept: their folder, how the command ended, and what it printed."""
    folder = tmp_path_factory.mktemp("twins") / "equal"
    with contextlib.redirect_stdout(io.StringIO()) as output:
        status = main(["twin", *POINT, "--vary", "PYTHONHASHSEED=1,2", "--keep", str(folder)])
    return folder, status, output.getvalue()


def test_equal_twins_end_with_0_and_unequal_ones_with_1_and_are_kept(equal, temporary, capsys):
    folder, status, output = equal
    assert status == 0 and "equal: 4 iterations compared" in output
    assert (folder / "run-1" / "ledger.jsonl").exists()
    assert main(["twin", *POINT, "--vary", "gamma=0.8,0.9"]) == 1
    output = capsys.readouterr().out
    assert "channel update.critic_loss" in output
    assert "gamma: 0.8 vs 0.9" in output
    (kept,) = temporary.iterdir()
    assert f"their folders are kept in {kept}" in output
    assert sorted(run.name for run in kept.iterdir()) == ["run-0", "run-1"]


def test_what_equal_twins_wrote_goes_away_and_nothing_points_there(temporary, capfd):
    assert main(["twin", *POINT]) == 0
    captured = capfd.readouterr()
    assert list(temporary.iterdir()) == []
    assert "run 2 of 2" in captured.err
    assert str(temporary) not in captured.out + captured.err


def test_a_twin_that_ends_early_is_no_equal(equal, tmp_path, capsys):
    """A shorter run is a prefix of a longer one; of a twin's runs neither may be."""
    shutil.copytree(equal[0], tmp_path, dirs_exist_ok=True)
    ledger = tmp_path / "run-1" / "ledger.jsonl"
    lines = ledger.read_text().splitlines(keepends=True)
    ledger.write_text("".join(lines[:-1]))
    assert twin._compare_coverage(tmp_path / "run-0", tmp_path / "run-1") == 1
    assert "iteration 3" in capsys.readouterr().out


def test_a_run_that_fails_is_no_comparison_and_no_other_is_started_after_it(tmp_path, capfd):
    keep = tmp_path / "kept"
    (keep / "run-0").mkdir(parents=True)
    (keep / "run-0" / "ledger.jsonl").write_text("")
    assert main(["twin", *POINT, "--keep", str(keep)]) == 2
    errors = capfd.readouterr().err
    assert "run 1 of 2 failed with status 2" in errors
    assert errors.count("holds a run already") == 1
    assert not (keep / "run-1").exists()
