"""What tests of the report share."""

import pytest

from sac.cli import main
from tests.unit.report.reading import Reader


@pytest.fixture
def report(tmp_path, capsys, monkeypatch):
    """Runs `sac report` and gives the page as read, and the Markdown."""
    monkeypatch.chdir(tmp_path)

    def run(*runs):
        assert main(["report", *map(str, runs), "-o", "page.html", "--markdown", "-"]) == 0
        return Reader((tmp_path / "page.html").read_text()), capsys.readouterr().out

    return run
