"""The portability command with trainings: what it says where ledgers part, and what it refuses."""

from __future__ import annotations

import pytest

from tests.nightly import at_night
from tools.portability import command as portability
from tools.portability import machines
from tools.portability.machines import CPUID_MODELS, Machine


def test_every_way_of_pretending_has_its_rows(tmp_path):
    names = [machine.name for machine in machines.machines(tmp_path)]
    assert len(names) == len(set(names))
    for model in CPUID_MODELS:
        assert f"cpuid {model}" in names
    for start in ("caps", "glibc", "cpuid", "qemu"):
        assert any(name.startswith(start) for name in names)


POINT = "--env_id=Point-v1 --num_envs=2 --training_freq=8 --utd=0.25 --batch_size=8 --buffer_size=100 --eval_freq=0"


POINT += " --learning_starts=8 --total_timesteps=24"


@at_night("two emulated trainings, for a tool that runs at night")
def test_ledgers_that_part_fail_and_name_the_place(monkeypatch, capsys):
    """A machine on which the training is another one, planted: its seed differs."""
    own = portability.train

    def train(flags, profile, folder, machine):
        return own([*flags, "--seed=2"] if machine.name == "planted" else flags, profile, folder, machine)

    monkeypatch.setattr(portability, "train", train)
    monkeypatch.setattr(portability, "machines", lambda root: [Machine("same"), Machine("planted")])
    assert portability.main(["--steps", "ledgers", *POINT.split()]) == 1
    said = capsys.readouterr().out
    assert "same " in said and "equal: 4 iterations compared" in said
    assert "channel env.seed" in said
    assert "portability FAILS: given on planted" in said


def test_the_matrix_stands_in_a_jobs_summary(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    monkeypatch.setattr(portability, "machines", lambda root: [Machine("here")])
    assert portability.main(["--steps", "control"]) == 0
    text = (tmp_path / "summary.md").read_text()
    assert text.startswith("### One ledger on many CPU models\n\n```text\n") and text.endswith("```\n")
    assert "portability holds" in text and "portability holds" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--only", "pentium"], "no row is called so; there are"),
        pytest.param(
            *(["--steps", "ledgers", "--env_id=Nothing-v1"], "Nothing-v1"), marks=at_night("ManiSkill is asked for it")
        ),
    ],
)
def test_what_can_not_be_done_is_said_and_ends_with_2(capsys, arguments, words):
    assert portability.main(arguments) == 2
    assert words in capsys.readouterr().err
