"""Committed ledgers still hold, bit for bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from sac.commands.golden import GOLDENS, IN_CONTACT, Outcome, check_golden, golden_command
from sac.commands.training_process import Variant, run_training
from sac.ledger.file import Ledger, read_ledger
from sac.processes import Children
from sac.untrusted.seal import sealed

GOLDEN_FOLDER = Path(__file__).parent / "goldens"
ROOT = Path(__file__).parents[2]


def golden(name: str) -> Ledger:
    return read_ledger(GOLDEN_FOLDER / f"{name}.jsonl")


def checked(
    name: str, golden: Ledger, fresh: Ledger, temporary: Path, *, strict: bool = False, flags: str | None = None
) -> Outcome:
    with Children() as children:
        return check_golden(name, flags or GOLDENS[name], golden, fresh, temporary, children, strict=strict)


SHORT = GOLDENS["point"].replace("--total_timesteps=3_200", "--total_timesteps=320")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    """The start of the point task's golden as it is trained here and now."""
    folder = tmp_path_factory.mktemp("trained") / "now"
    with Children() as children:
        assert run_training(SHORT.split(), folder, Variant("now"), children, hear="failures") == 0
    return read_ledger(folder)


def made_elsewhere(ledger: Ledger, **fingerprint: object) -> Ledger:
    """A ledger with other bits in its last line and other entries in its fingerprint."""
    header = {**ledger.header, "fingerprint": {**ledger.header["fingerprint"], **fingerprint}}
    last = ledger.lines[-1].iteration
    return replace(with_digest(ledger, last, "param.actor", "0" * 16), header=header)


def sac_golden(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sac", "golden", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.maniskill
def test_every_golden_still_holds():
    """Where this machine's fingerprint is another one, the check says so and falls back to twins."""
    done = sac_golden("--jobs", str(min(2, len(os.sched_getaffinity(0)))))
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr


def with_digest(ledger: Ledger, iteration: int, channel: str, digest: str) -> Ledger:
    lines = [
        replace(line, digests={**line.digests, channel: digest}) if line.iteration == iteration else line
        for line in ledger.lines
    ]
    return replace(ledger, lines=tuple(lines))


@pytest.mark.parametrize("name", GOLDENS)
def test_a_golden_with_one_digest_changed_is_refused(name, tmp_path):
    """Negative control, without a run: the golden against itself with one planted difference."""
    last = golden(name).lines[-1]
    planted = with_digest(golden(name), last.iteration, "param.actor", "0" * 16)
    outcome = checked(name, golden(name), planted, tmp_path)
    assert not outcome.passed
    assert "param.actor" in outcome.text
    assert f"iteration {last.iteration}" in outcome.text
    assert checked(name, golden(name), golden(name), tmp_path).passed


def shortened(ledger: Ledger) -> Ledger:
    return replace(ledger, lines=ledger.lines[:2])


def without_evaluations(ledger: Ledger) -> Ledger:
    keep = lambda digests: {name: digest for name, digest in digests.items() if not name.startswith("eval.")}  # noqa: E731
    return replace(ledger, lines=tuple(replace(line, digests=keep(line.digests)) for line in ledger.lines))


def emptied(ledger: Ledger) -> Ledger:
    return replace(ledger, lines=())


def torn(ledger: Ledger) -> Ledger:
    return replace(ledger, torn='{"iteration')


@pytest.mark.parametrize("fault", [shortened, emptied, without_evaluations, torn])
def test_a_golden_or_a_run_that_records_less_is_refused(fault, tmp_path):
    mine = golden("point")
    for a, b in ((fault(mine), mine), (mine, fault(mine))):
        outcome = checked("point", a, b, tmp_path)
        assert not outcome.passed
        assert "does not record the same" in outcome.text


@pytest.mark.parametrize("name", GOLDENS)
def test_a_golden_covers_learning_and_says_why_it_is_as_it_is(name):
    ledger = golden(name)
    assert ledger.lines[-1].digests["update.critic_loss"]
    assert ledger.header["golden"]["flags"] == GOLDENS[name], "the flags have changed: sac golden --update"
    assert ledger.header["golden"]["reason"]
    assert ledger.header["fingerprint"]["profile"] == "portable"


@pytest.mark.parametrize("name", sorted(IN_CONTACT))
def test_a_golden_in_contact_that_reached_no_reciprocal_is_refused(name, tmp_path):
    mine = golden(name)
    assert mine.header["golden"]["reciprocals"] > 0
    for count in ({"reciprocals": 0}, {}):
        kept = {key: value for key, value in mine.header["golden"].items() if key != "reciprocals"}
        without = replace(mine, header={**mine.header, "golden": {**kept, **count}})
        outcome = checked(name, without, mine, tmp_path)
        assert not outcome.passed
        assert "without contact" in outcome.text


def test_the_goldens_cover_the_control_modes_and_kinds_of_contact():
    flags = " ".join(GOLDENS.values())
    for mode in ("pd_joint_delta_pos", "pd_ee_delta_pos", "pd_ee_delta_pose"):
        assert f"--control_mode={mode} " in flags
    tasks = ("PegInsertionSide", "StackCubeInContact", "LiftPegUpright", "PlaceSphere", "RotateValve", "MS-AntWalk")
    assert [task for task in tasks if f"--env_id={task}" not in flags] == []


def test_a_golden_bound_to_another_cpu_says_so_in_one_line_and_compares_twins(trained, tmp_path, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    bound = {**trained.header["fingerprint"], "profile": "deterministic"}
    here = replace(trained, header={**trained.header, "fingerprint": bound})
    other = made_elsewhere(here, cpu="GenuineIntel/6/167/1/Xeon", probe={"mm": "0", "exp": "1"})
    said = checked("point", other, here, tmp_path, strict=True).text
    assert said.count("\n") == 0
    assert "made on another CPU model, to which --numerics deterministic binds (cpu: GenuineIntel" in said
    assert "instead two fresh runs are equal" in checked("point", other, here, tmp_path, flags=SHORT).text


def test_another_fingerprint_fails_under_strict_and_is_named(tmp_path):
    mine = golden("point")
    outcome = checked("point", made_elsewhere(mine, torch="0.0.1"), mine, tmp_path, strict=True)
    assert not outcome.passed
    assert "torch: 0.0.1" in outcome.text


def test_another_fingerprint_falls_back_to_twins(trained, tmp_path):
    other = made_elsewhere(trained, torch="0.0.1")
    assert "instead two fresh runs are equal" in checked("point", other, trained, tmp_path, flags=SHORT).text


def test_update_needs_a_reason_and_an_unknown_name_is_refused():
    without = sac_golden("--update", "point")
    assert (without.returncode, "--reason" in without.stderr) == (2, True)
    unknown = sac_golden("poimt")
    assert (unknown.returncode, "stack_cube" in unknown.stderr) == (2, True)


def test_a_folder_without_goldens_is_refused_before_anything_runs(tmp_path):
    done = sac_golden("--dir", str(tmp_path))
    assert (done.returncode, "--dir" in done.stderr) == (2, True)


def test_a_golden_that_nothing_makes_is_reported(tmp_path):
    from sac.commands.golden import unused

    (tmp_path / "point.jsonl").touch()
    (tmp_path / "forgotten.jsonl").touch()
    assert [outcome.name for outcome in unused(tmp_path)] == ["forgotten"]


def test_a_golden_of_another_task_is_refused_and_can_be_rewritten(tmp_path, monkeypatch, capsys):
    whole, path = (GOLDEN_FOLDER / "point.jsonl").read_text(), tmp_path / "point.jsonl"

    def trained_before(flags, folder, *others, **options):
        folder.mkdir()
        (folder / "ledger.jsonl").write_text(whole)
        return 0

    monkeypatch.setattr("sac.commands.golden.run_training", trained_before)
    header, lines = whole.split("\n", 1)
    path.write_text(json.dumps(sealed(json.loads(header.replace("Point-v1", "Point-v2")))) + "\n" + lines)
    assert golden_command(["point", "--dir", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "different tasks" in said and "sac golden point --update --reason '...'" in said
    assert golden_command(["point", "--update", "--reason", "it was another task's", "--dir", str(tmp_path)]) == 0
    assert "different tasks" in capsys.readouterr().out
    assert read_ledger(path).lines == golden("point").lines
