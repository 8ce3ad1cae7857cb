"""`sac diff`: its exit status and its output tell equal, diverged and not comparable apart."""

import dataclasses
import json

import pytest

from sac.commands.diff import diff_command
from sac.ledger.file import LedgerWriter
from tests.unit.ledger.ledgers import CONFIG
from tests.unit.ledger.test_comparison import EQUAL, ledger, plant


def save(path, content):
    with LedgerWriter(path, content.header) as writer:
        for row in content.lines:
            writer.write(row.iteration, row.global_step, row.digests, row.values)
    return str(path)


@pytest.mark.parametrize("as_json", [False, True])
def test_the_command_s_exit_status_tells_the_three_outcomes(tmp_path, capsys, as_json):
    a = save(tmp_path / "a", ledger())
    b = save(tmp_path / "b", plant(ledger(), 3, "env.seed"))
    assert diff_command(a, a, as_json) == 0
    equal = capsys.readouterr()
    assert diff_command(a, b, as_json) == 1
    diverged = capsys.readouterr()
    assert diff_command(a, str(tmp_path / "none"), as_json) == 2
    error = capsys.readouterr()
    assert (equal.err, diverged.err, error.out) == ("", "", "")
    assert "sac diff: not comparable: " in error.err
    if as_json:
        assert json.loads(equal.out) == EQUAL
        found = json.loads(diverged.out)
        assert list(found["first"]) == ["iteration", "global_step", "channel", "a", "b", "inputs_equal", "verdict"]
        assert (found["equal"], found["first"]["channel"], found["first"]["inputs_equal"]) == (False, "env.seed", True)
    else:
        assert equal.out == "equal: 10 iterations compared\n"
        assert diverged.out.startswith("diverged at iteration 3 (global step 192), channel env.seed\n")


def without(*prefixes):
    """Ledgers of a run in which something never happened."""
    kept = lambda entries: {name: value for name, value in entries.items() if not name.startswith(prefixes)}  # noqa: E731
    whole = ledger()
    lines = tuple(dataclasses.replace(line, digests=kept(line.digests)) for line in whole.lines)
    return dataclasses.replace(whole, lines=lines)


NEVER = {
    "update": (("update.", "replay."), "no gradient step was compared"),
    "evaluation": (("eval.",), "no evaluation was compared"),
}


@pytest.mark.parametrize("name", NEVER)
def test_equal_runs_in_which_something_never_happened_say_so_and_fail_where_it_is_required(tmp_path, capsys, name):
    prefixes, words = NEVER[name]
    lacking, whole = save(tmp_path / "lacking", without(*prefixes)), save(tmp_path / "whole", ledger())
    assert diff_command(lacking, lacking, False) == 0
    assert ("note: " + words in capsys.readouterr().out) == (name == "update" or bool(CONFIG.get("eval_freq")))
    assert diff_command(lacking, lacking, False, [name]) == 2
    assert f"--require {name}: {words}" in capsys.readouterr().err
    assert diff_command(whole, whole, False, [*NEVER]) == 0
    assert words not in capsys.readouterr().out


def test_a_divergence_is_one_whatever_is_required(tmp_path):
    lacking = without("update.")
    other = plant(lacking, 3, "env.seed")
    assert diff_command(save(tmp_path / "a", lacking), save(tmp_path / "b", other), False, ["update"]) == 1
