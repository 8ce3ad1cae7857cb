"""Check a wheel and a source distribution before they are published.

`python -m tools.distribution FOLDER [--tag TAG]` compares what is in them with what git tracks: the wheel holds the
packages and nothing else, the source distribution the whole tree. With `--tag` the version must be the tag's. Exit
status: 0, 1 where something is wrong, 2 where there is not one of each.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("sac/", "sac_determinism_pytest/")
"""The folders that a wheel installs: those of `[tool.hatch.build.targets.wheel]`."""


def tracked(root: Path = ROOT) -> set[str]:
    """Return the paths that git tracks under `root`.

    Raises:
        subprocess.CalledProcessError: `root` is no git checkout.
    """
    done = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True)
    return set(done.stdout.split("\0")) - {""}


def wheel_files(path: Path) -> set[str]:
    """Return the files of a wheel, without its metadata."""
    with zipfile.ZipFile(path) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def sdist_files(path: Path) -> set[str]:
    """Return the files of a source distribution, without its own folder's name and its metadata."""
    with tarfile.open(path) as archive:
        return {one.name.partition("/")[2] for one in archive if not one.isdir()} - {"PKG-INFO"}


def version(path: Path) -> str:
    """Return the version that a distribution's file name holds."""
    found = re.match(r"[^-]+-(.+?)(-py3|\.tar\.gz$)", path.name)
    return found[1] if found else ""


def differences(what: str, found: set[str], wanted: set[str]) -> Iterator[str]:
    """Yield a line for each file that is missing, and for each that does not belong there."""
    yield from (f"{what}: lacks {name}" for name in sorted(wanted - found))
    yield from (f"{what}: holds {name}, which git does not track" for name in sorted(found - wanted))


def troubles(wheel: Path, sdist: Path, files: set[str], tag: str | None) -> Iterator[str]:
    """Yield a line for each thing that is wrong.

    Args:
        wheel: its file.
        sdist: its file.
        files: the paths that git tracks.
        tag: the tag of the release, a `v` before the version; None where there is none.
    """
    yield from differences(wheel.name, wheel_files(wheel), {name for name in files if name.startswith(PACKAGES)})
    yield from differences(sdist.name, sdist_files(sdist), files)
    if "sac/py.typed" not in files:
        yield "sac/py.typed: not tracked, so type checkers would ignore the annotations"
    for path in (wheel, sdist):
        if tag is not None and tag != f"v{version(path)}":
            yield f"{path.name}: version {version(path)}, but the tag is {tag}: change `__version__` in sac/__init__.py"


def main(arguments: Sequence[str]) -> int:
    """Check, print what is wrong, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.distribution", description=__doc__)
    parser.add_argument("folder", type=Path, help="holds one wheel and one source distribution")
    parser.add_argument("--tag", help="the release's tag, for example v0.1.0")
    options = parser.parse_args(list(arguments))
    wheels, sdists = sorted(options.folder.glob("*.whl")), sorted(options.folder.glob("*.tar.gz"))
    if (len(wheels), len(sdists)) != (1, 1):
        print(f"{options.folder}: holds {len(wheels)} wheels and {len(sdists)} sdists, not one each", file=sys.stderr)
        return 2
    found = list(troubles(wheels[0], sdists[0], tracked(), options.tag))
    print(*(found or [f"{wheels[0].name}, {sdists[0].name}: complete"]), sep="\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
