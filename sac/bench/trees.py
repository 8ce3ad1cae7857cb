"""The two revisions: the working tree as it is, and others in git worktrees of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sac.bench.errors import BenchError
from sac.display.terminal import complain

WORKTREE = "worktree"
_DECIDES_DEPENDENCIES = ("constraints.txt", "pyproject.toml")
_PATIENCE = 120
"""Seconds for a git command: a checkout may run hooks, and fetch large files."""


class GitFailed(BenchError):
    """A git command failed; the message quotes it."""


@dataclass(frozen=True)
class Tree:
    """A revision on disk.

    Attributes:
        root: folder that holds the package `sac`.
        revision: commit, with `+changes` if files differ from it.
        note: what a reader of the result should know about it; may be empty.
        python: interpreter that runs it.
    """

    root: Path
    revision: str
    note: str = ""
    python: str = sys.executable


def find_repository(folder: Path) -> Path:
    """Return the top folder of the git repository around `folder`.

    Raises:
        BenchError: there is none, or git is not installed.
    """
    try:
        return Path(_git(folder, "rev-parse", "--show-toplevel"))
    except FileNotFoundError as error:
        raise BenchError("git is not installed: a comparison takes its revisions from git") from error
    except GitFailed as error:
        raise BenchError(
            f"{folder} is in no git repository that can be read ({error}): run this inside a clone of the project"
        ) from error


def resolve(repository: Path, flag: str, revision: str) -> str:
    """Return the full commit hash of a revision.

    Raises:
        BenchError: git does not know it.
    """
    try:
        # "--end-of-options": a revision that begins with a dash is a name, not an option.
        return _git(repository, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except GitFailed as error:
        raise BenchError(
            f"{flag} {revision}: git knows no such revision here; `git log --oneline` lists some. In a shallow clone "
            "fetch the history first: git fetch --unshallow"
        ) from error


def default_base(repository: Path) -> str:
    """Return what to compare with: the commit where the branch left main; on main the last but one, or the last.

    Raises:
        BenchError: the repository has no commit.
    """
    head = resolve(repository, "--base", "HEAD")
    for main in ("origin/main", "main"):
        try:
            base = _git(repository, "merge-base", "HEAD", main)
        except GitFailed:
            continue
        if base != head:
            return base
    if _changes(repository):
        return head
    try:
        return resolve(repository, "--base", "HEAD~1")
    except BenchError:
        return head


@contextmanager
def tree_of(repository: Path, flag: str, revision: str) -> Iterator[Tree]:
    """Yield the tree of a revision: a temporary worktree, or for ``worktree`` the working tree itself.

    Raises:
        BenchError: the revision is unknown, or has no package `sac`.
    """
    if revision == WORKTREE:
        yield _checked(flag, _working_tree(repository))
        return
    commit = resolve(repository, flag, revision)
    with tempfile.TemporaryDirectory(prefix="sac-bench-") as temporary:
        root = Path(temporary) / "tree"
        try:
            _git(repository, "worktree", "add", "--quiet", "--detach", str(root), commit)
            yield _checked(flag, Tree(root, commit))
        finally:
            # The folder is deleted in any case; git must forget it too.
            with suppress(GitFailed):
                _git(repository, "worktree", "remove", "--force", str(root))


def with_interpreter(tree: Tree, other: Tree, same_environment: bool) -> Tree:
    """Return `tree`, with an environment of its own if its dependencies differ from those of `other`.

    Raises:
        BenchError: the environment can't be installed.
    """
    if same_environment or not _dependencies_differ(tree.root, other.root):
        return tree
    python = _outer_python()
    complain(f"the dependencies of {tree.revision[:10]} differ: installing them for it")
    done = subprocess.run([python, "dev", "install"], cwd=tree.root, stdout=sys.stderr, check=False)
    own = tree.root / ".nox" / "install" / "bin" / "python"
    if done.returncode != 0 or not own.exists():
        raise BenchError(
            f"the dependencies of {tree.revision[:10]} differ from those here and could not be installed; "
            "--same-environment runs both revisions in this one"
        )
    return Tree(tree.root, tree.revision, "in an environment of its own, since its dependencies differ", str(own))


def _dependencies_differ(a: Path, b: Path) -> bool:
    return any(_relevant(a / name) != _relevant(b / name) for name in _DECIDES_DEPENDENCIES)


def _relevant(path: Path) -> list[str]:
    """Return the lines that decide what is installed: all pins, or pyproject's own list of dependencies."""
    if not path.exists():
        return []
    lines = path.read_text().splitlines()
    if path.name != "pyproject.toml" or "dependencies = [" not in lines:
        return lines
    first = lines.index("dependencies = [")
    return lines[first : lines.index("]", first)]


def _outer_python() -> str:
    """Return the interpreter outside the running virtual environment, which may lack pip."""
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    found = Path(sys.base_prefix) / "bin" / name
    return str(found) if found.exists() else sys.executable


def _working_tree(repository: Path) -> Tree:
    commit = resolve(repository, "--head", "HEAD")
    changes = _changes(repository)
    if not changes:
        return Tree(repository, commit)
    note = (
        f"with {changes} changed file{'s' if changes > 1 else ''} that {'are' if changes > 1 else 'is'} not committed"
    )
    return Tree(repository, f"{commit}+changes", note)


def _changes(repository: Path) -> int:
    """Count the files that differ from the last commit, new ones included."""
    return len(_git(repository, "status", "--porcelain", "--untracked-files=all").splitlines())


def _checked(flag: str, tree: Tree) -> Tree:
    if not (tree.root / "sac" / "__init__.py").is_file():
        raise BenchError(f"{flag}: {tree.revision[:10]} holds no package sac, so there is nothing to measure")
    return tree


def _git(repository: Path, *arguments: str) -> str:
    """Return what a git command prints.

    Raises:
        GitFailed: it failed; the message quotes git.
    """
    # A hook that runs this has set GIT_DIR, which would lead every command to the hook's repository.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(repository), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, env=environment, check=False)
    except subprocess.TimeoutExpired as error:
        raise GitFailed(f"`git {' '.join(arguments)}` had not ended after {_PATIENCE} s") from error
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise GitFailed(f"`git {' '.join(arguments)}` ended with status {done.returncode}: {said[0]}")
    return done.stdout.strip()
