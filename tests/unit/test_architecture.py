"""docs/architecture.md shows the imports as they are, and no document names what does not exist."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import architecture
from tools.architecture import direct, names_gone, picture, with_picture

ROOT = Path(__file__).parents[2]


def check(root: Path) -> tuple[int, str]:
    """Exit status of `python -m tools.architecture --check` under `root`, and what it prints."""
    command = [sys.executable, "-m", "tools.architecture", "--check"]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def copy(tmp_path):
    ignore = shutil.ignore_patterns(
        "__pycache__", ".*_cache", ".git", ".hypothesis", ".nox", "dist", "runs", "test-runs"
    )
    return shutil.copytree(ROOT, tmp_path / "copy", ignore=ignore)


def test_picture_and_documents_are_up_to_date():
    assert check(ROOT) == (0, "")


def test_a_new_import_between_rooms_is_missed_in_the_picture(copy):
    with (copy / "sac" / "trainer.py").open("a") as source:
        source.write("\nfrom sac.native import sites\nfrom sac.envs.workers import pool\n")
    assert check(copy) == (0, ""), "the picture holds these imports already, by way of other rooms"
    with (copy / "sac" / "report" / "style.py").open("a") as source:
        source.write("\nfrom sac.checkpoint import index\n")
    status, output = check(copy)
    assert status == 1 and "the picture is not that of the imports" in output


def test_a_definition_that_is_renamed_is_missed_in_the_documents(copy):
    source = copy / "sac" / "learner" / "sac.py"
    source.write_text(source.read_text().replace("def critic_loss(", "def loss_of_critics("))
    status, output = check(copy)
    assert status == 1
    assert "docs/architecture.md: names sac/learner/sac.py:Learner.critic_loss, which does not exist" in output


def test_drawing_mends_the_picture():
    page = f"above\n{architecture.BEGIN}\nold\n{architecture.END}\nbelow\n"
    assert with_picture(page, "new") == f"above\n{architecture.BEGIN}\n\nnew\n\n{architecture.END}\nbelow\n"


def test_a_page_that_lost_the_pictures_marks_is_refused():
    with pytest.raises(ValueError, match="the marks of the picture are gone"):
        with_picture("nothing here", "new")


def test_arrows_that_follow_from_others_are_left_out():
    assert direct({("a", "b"), ("b", "c"), ("a", "c"), ("a", "d")}) == {("a", "b"), ("b", "c"), ("a", "d")}


def test_folders_and_modules_are_drawn_apart():
    drawn = picture([["__main__"], ["trainer"], ["ledger"]], {("trainer", "ledger"), ("__main__", "trainer")})
    assert drawn.splitlines()[2:-1] == ['    trainer("trainer")', '    ledger["ledger/"]', "    trainer --> ledger"]


MODULE = "LIMIT: int = 3\nBOUND = 4\n\nclass A:\n    field: int\n\n    def f(self):\n        inner = 1\n"


@pytest.mark.parametrize(
    "name, there",
    [("A", True), ("A.f", True), ("A.field", True), ("LIMIT", True), ("BOUND", True), ("f", False), ("inner", False)],
)
def test_a_name_is_looked_for_where_the_document_says(tmp_path, name, there):
    (tmp_path / "sac").mkdir()
    (tmp_path / "sac" / "part.py").write_text(MODULE)
    assert names_gone(f"see `sac/part.py:{name}` and `sac/`", tmp_path) == ([] if there else [f"sac/part.py:{name}"])


def test_a_file_that_is_gone_is_named(tmp_path):
    assert names_gone("`sac/gone.py` `tests/unit/` `elsewhere/x.py`", tmp_path) == ["sac/gone.py", "tests/unit/"]
