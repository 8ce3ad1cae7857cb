"""`sac bench` before the measurement: what can't be written is told at once."""

import pytest

from sac.bench import command
from sac.bench.errors import BenchError


@pytest.mark.parametrize("which", [["compare", "--json"], ["compare", "--markdown"], ["calibrate", "--json"]])
@pytest.mark.parametrize(("path", "why"), [("no/such/folder.json", "folder does not exist"), (".", "can't be written")])
def test_a_file_that_can_not_be_written_is_told_before_anything_is_measured(which, path, why, monkeypatch):
    monkeypatch.setattr(command.trees, "find_repository", lambda folder: pytest.fail("it went on"))
    with pytest.raises(BenchError, match=f"{which[1]} .*{why}"):
        command.bench_command([*which, path])
