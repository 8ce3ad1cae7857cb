"""`sac diff`: its exit status and its output tell equal, diverged and not comparable apart."""

import json

import pytest

from sac.commands.diff import diff_command
from sac.ledger.file import LedgerWriter
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
