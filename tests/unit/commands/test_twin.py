"""What `sac twin` varies, and what it refuses."""

from __future__ import annotations

import pytest

from sac.cli import main
from sac.commands import twin
from sac.commands.training_process import Variant
from tests.unit.commands.short_twins import POINT, temporary

__all__ = ["temporary"]


def status(arguments):
    try:
        return main(arguments)
    except SystemExit as stopped:
        return stopped.code


def test_runs_differ_in_what_is_varied_and_in_nothing_else():
    assert twin._variants(["seed=1,2", "TZ=UTC,Asia/Tokyo"], runs=2) == [
        Variant("seed=1 TZ=UTC", ("--seed=1",), {"TZ": "UTC"}),
        Variant("seed=2 TZ=Asia/Tokyo", ("--seed=2",), {"TZ": "Asia/Tokyo"}),
    ]
    assert [variant.flags for variant in twin._variants([], runs=3)] == [(), (), ()]
    switched = twin._variants(["overlap=True,False"], runs=2)
    assert [variant.flags for variant in switched] == [("--overlap",), ("--no-overlap",)]


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--vary", "seed"], ["--vary", "NAME=A,B"]),
        (["--vary", "seed=1"], ["--vary", "two values"]),
        (["--vary", "seed=1,2", "--vary", "TZ=a,b,c"], ["same number"]),
        (["--runs", "1"], ["--runs 1", "at least 2"]),
        (["--run_dir", "x"], ["--run_dir", "--keep"]),
        (["--jobs", "0"], ["--jobs 0", "at least 1"]),
        (["--ledger_freq", "0"], ["--ledger_freq 0"]),
        (["--vary", "run_dir=a,b"], ["--vary run_dir"]),
        (["--vary", "OMP_DYNAMIC=TRUE,FALSE"], ["--vary OMP_DYNAMIC", "deterministic"]),
        (["--num_envs=3"], ["--num_envs 3", "1, 2, 4, 8"]),
        (["--vary", "num_envs=1,3"], ["--num_envs 3", "1, 2, 4, 8"]),
        (["--vary", "num-envs=1,3"], ["--num_envs 3", "1, 2, 4, 8"]),
        (["--vary", "run-dir=a,b"], ["--vary run_dir"]),
        (["--vary", "seed=1,x"], ["--seed", "'x'"]),
        (["--vary", "foo=1,2"], ["--vary foo", "flag of `sac train`", "capitals"]),
        (["--vary", "overlap=False,2"], ["--vary overlap=2", "True or False"]),
    ],
)
def test_a_twin_that_makes_no_sense_is_refused_before_it_runs(arguments, words, capsys, monkeypatch):
    monkeypatch.setattr(twin, "run_training", lambda *_, **__: pytest.fail("a run was started"))
    assert status(["twin", *POINT, *arguments]) == 2
    message = capsys.readouterr().err
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    "flags, held", [([], False), (["--checkpoint_freq=1"], True), (["--vary", "checkpoint_freq=10m,2"], True)]
)
def test_checkpoints_are_written_only_where_they_are_kept_or_asked_for(tmp_path, monkeypatch, flags, held):
    given = []
    monkeypatch.setattr(twin, "run_training", lambda flags, *_, **__: given.append(flags) or 1)
    assert main(["twin", *POINT, *flags]) == 2
    assert ("--checkpoint_freq=0" not in given[0]) is held
    assert main(["twin", *POINT, "--keep", str(tmp_path / "kept")]) == 2
    assert "--checkpoint_freq=0" not in given[-1]


@pytest.mark.parametrize("statuses, worst", [((0, 0), 0), ((1, 0), 1), ((0, 1), 1), ((2, 1), 2), ((0, 2), 2)])
def test_of_several_comparisons_the_worst_decides(tmp_path, monkeypatch, statuses, worst):
    found = iter(statuses)
    monkeypatch.setattr(twin, "diff_command", lambda *arguments: next(found))
    monkeypatch.setattr(twin, "_compare_coverage", lambda *folders: 0)
    variants = [Variant(f"seed={seed}", (f"--seed={seed}",)) for seed in (1, 2, 3)]
    assert twin._compare_all([tmp_path / str(number) for number in range(3)], variants, []) == worst
