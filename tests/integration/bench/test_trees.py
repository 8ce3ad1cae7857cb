"""Revisions come from git and leave nothing behind; what can't be had is told."""

import os
import sys
import tempfile
from pathlib import Path

import pytest

from sac.bench import trees
from sac.bench.errors import BenchError
from tests.integration.bench import repository
from tests.integration.bench.repository import git


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    """Neither a hook's variables nor the user's settings lead elsewhere."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def revisions(tmp_path):
    return repository.make(tmp_path / "repo")


@pytest.fixture
def repo(tmp_path, revisions):
    return tmp_path / "repo"


def test_a_revision_is_checked_out_beside_and_removed_again(repo, revisions):
    with trees.tree_of(repo, "--base", "HEAD~1") as tree:
        assert tree.revision == revisions[0]
        assert (tree.root / "sac" / "__init__.py").read_text() == "VERSION = 1\n"
        assert (repo / "sac" / "__init__.py").read_text() == "VERSION = 2\n"
    assert not tree.root.exists()
    assert len(git(repo, "worktree", "list").splitlines()) == 1


def test_it_is_removed_after_an_error_too(repo):
    with pytest.raises(RuntimeError), trees.tree_of(repo, "--base", "HEAD") as tree:
        raise RuntimeError("anything")
    assert not tree.root.exists()
    assert len(git(repo, "worktree", "list").splitlines()) == 1


def test_the_working_tree_is_taken_as_it_is(repo, revisions):
    with trees.tree_of(repo, "--head", "worktree") as tree:
        assert (tree.root, tree.revision, tree.note) == (repo, revisions[1], "")


def test_changes_that_are_not_committed_are_told(repo, revisions):
    (repo / "sac" / "__init__.py").write_text("VERSION = 3\n")
    with trees.tree_of(repo, "--head", "worktree") as tree:
        assert tree.revision == revisions[1] + "+changes"
        assert tree.note == "with 1 changed file that is not committed"
    (repo / "sac" / "new.py").write_text("")
    with trees.tree_of(repo, "--head", "worktree") as tree:
        assert tree.note == "with 2 changed files that are not committed"


@pytest.mark.parametrize("revision", ["no-such", "--help", "", "HEAD~9"])
def test_an_unknown_revision_is_told(repo, revision):
    with pytest.raises(BenchError, match=r"--base .*no such revision"), trees.tree_of(repo, "--base", revision):
        pass


def test_a_revision_without_the_package_is_told(repo):
    git(repo, "rm", "--quiet", "-r", "sac")
    repository.commit(repo, "third")
    with pytest.raises(BenchError, match=r"--base: .* no package sac"), trees.tree_of(repo, "--base", "HEAD"):
        pass
    assert len(git(repo, "worktree", "list").splitlines()) == 1


def test_what_git_can_not_do_is_told_and_leaves_nothing_behind(repo):
    hook = repo / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho large files are missing >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(BenchError, match=r"worktree add .*large files are missing"):  # noqa: SIM117
        with trees.tree_of(repo, "--base", "HEAD~1"):
            pass
    assert len(git(repo, "worktree", "list").splitlines()) == 1


def test_a_folder_outside_of_git_is_told():
    # Not tmp_path: pytest's temporary folders may themselves lie in a clone.
    with tempfile.TemporaryDirectory() as folder, pytest.raises(BenchError, match="no git repository"):
        trees.find_repository(Path(folder))


def test_a_branch_is_compared_with_where_it_left_main(repo, revisions):
    git(repo, "checkout", "--quiet", "-b", "topic", "HEAD~1")
    (repo / "new_file").write_text("")
    repository.commit(repo, "on the branch")
    assert trees.default_base(repo) == revisions[0]


def test_main_is_compared_with_its_last_commit_but_one(repo, revisions):
    assert trees.default_base(repo) == revisions[0]


def test_a_changed_main_is_compared_with_its_last_commit(repo, revisions):
    (repo / "sac" / "__init__.py").write_text("VERSION = 3\n")
    assert trees.default_base(repo) == revisions[1]


PROJECT = '[project]\nversion = "{version}"\ndependencies = [\n    "torch>={torch}",\n]\n'


@pytest.mark.parametrize(
    ("base", "head", "differ"),
    [
        ({"version": "1", "torch": "2.6"}, {"version": "1", "torch": "2.6"}, False),
        ({"version": "1", "torch": "2.6"}, {"version": "2", "torch": "2.6"}, False),
        ({"version": "1", "torch": "2.6"}, {"version": "1", "torch": "2.7"}, True),
    ],
)
def test_only_the_dependencies_ask_for_another_environment(tmp_path, base, head, differ):
    for name, values in (("a", base), ("b", head)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pyproject.toml").write_text(PROJECT.format(**values))
    assert trees._dependencies_differ(tmp_path / "a", tmp_path / "b") is differ


def project(folder, torch, dev):
    folder.mkdir()
    (folder / "constraints.txt").write_text(f"torch=={torch}\n")
    (folder / "dev").write_text(dev)
    return trees.Tree(folder, "0123456789abcdef")


INSTALLS = "import pathlib; p = pathlib.Path('.nox/install/bin'); p.mkdir(parents=True); (p / 'python').touch()\n"


def test_other_dependencies_get_an_environment_of_their_own(tmp_path):
    base, head = project(tmp_path / "a", "2.6", INSTALLS), project(tmp_path / "b", "2.7", "")
    found = trees.with_interpreter(base, head, same_environment=False)
    assert found.python == str(tmp_path / "a" / ".nox" / "install" / "bin" / "python")
    assert "its dependencies differ" in found.note
    assert trees.with_interpreter(base, head, same_environment=True).python == sys.executable
    assert trees.with_interpreter(base, base, same_environment=False).python == sys.executable


def test_an_environment_that_can_not_be_made_is_told(tmp_path):
    base, head = project(tmp_path / "a", "2.6", "raise SystemExit(1)"), project(tmp_path / "b", "2.7", "")
    with pytest.raises(BenchError, match="could not be installed; --same-environment"):
        trees.with_interpreter(base, head, same_environment=False)
