"""A small git repository to take revisions from."""

import subprocess

IDENTITY = ["-c", "user.name=A Tester", "-c", "user.email=tester@example.org", "-c", "commit.gpgsign=false"]


def git(folder, *arguments):
    command = ["git", "-C", str(folder), *IDENTITY, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()


def commit(folder, message):
    """Commit all that lies there."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)
    return git(folder, "rev-parse", "HEAD")


def make(folder):
    """Two commits on main; returns their hashes."""
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch", "main")
    package = folder / "sac"
    package.mkdir()
    (package / "__init__.py").write_text("VERSION = 1\n")
    first = commit(folder, "first")
    (package / "__init__.py").write_text("VERSION = 2\n")
    return first, commit(folder, "second")
