"""What is published holds the whole package, and nothing else."""

from __future__ import annotations

import io
import re
import tarfile
import zipfile
from pathlib import Path

import pytest

import sac
from tools import distribution

ROOT = Path(__file__).parents[2]
FILES = {"sac/__init__.py", "sac_determinism_pytest/__init__.py", "sac/py.typed", "sac/native/known.json", "README.md"}


def pack(folder: Path, wheel: set[str], sdist: set[str], version: str = "0.1.0") -> tuple[Path, Path]:
    """A wheel and a source distribution of empty files."""
    paths = folder / f"sac_determinism-{version}-py3-none-any.whl", folder / f"sac_determinism-{version}.tar.gz"
    with zipfile.ZipFile(paths[0], "w") as archive:
        for name in (*wheel, f"sac_determinism-{version}.dist-info/METADATA"):
            archive.writestr(name, "")
    with tarfile.open(paths[1], "w:gz") as archive:
        for name in (*sdist, "PKG-INFO"):
            archive.addfile(tarfile.TarInfo(f"sac_determinism-{version}/{name}"), io.BytesIO())
    return paths


def found(folder: Path, *, wheel: set[str], sdist: set[str] = FILES, tag: str | None = None) -> list[str]:
    return list(distribution.troubles(*pack(folder, wheel, sdist), FILES, tag))


def test_a_complete_pair_passes(tmp_path):
    assert found(tmp_path, wheel=FILES - {"README.md"}, tag="v0.1.0") == []


@pytest.mark.parametrize("name", ["sac/py.typed", "sac/native/known.json"])
def test_a_file_that_the_wheel_lacks_is_named(tmp_path, name):
    (line,) = found(tmp_path, wheel=FILES - {"README.md", name})
    assert line.endswith(f"lacks {name}")


def test_a_file_that_the_wheel_should_not_install_is_named(tmp_path):
    (line,) = found(tmp_path, wheel=FILES - {"README.md"} | {"tests/__init__.py"})
    assert line.endswith("holds tests/__init__.py, which git does not track")


def test_a_source_distribution_without_its_readme_is_refused(tmp_path):
    (line,) = found(tmp_path, wheel=FILES - {"README.md"}, sdist=FILES - {"README.md"})
    assert line.endswith("lacks README.md")


def test_a_tag_of_another_version_is_refused(tmp_path):
    lines = found(tmp_path, wheel=FILES - {"README.md"}, tag="v0.2.0")
    assert len(lines) == 2 and all("version 0.1.0, but the tag is v0.2.0" in line for line in lines)


def test_two_wheels_are_not_checked(tmp_path, capsys):
    pack(tmp_path, set(), set())
    pack(tmp_path, set(), set(), version="0.2.0")
    assert distribution.main([str(tmp_path)]) == 2
    assert "holds 2 wheels and 2 sdists, not one each" in capsys.readouterr().err


def test_the_version_stands_in_one_place():
    assert f'__version__ = "{sac.__version__}"' in (ROOT / "sac" / "__init__.py").read_text()
    for name in ("pyproject.toml", "CITATION.cff"):
        assert f'"{sac.__version__}"' not in (ROOT / name).read_text(), f"{name} repeats the version"


def test_the_folders_that_are_checked_are_those_that_the_wheel_installs():
    wheel = (ROOT / "pyproject.toml").read_text().split("[tool.hatch.build.targets.wheel]")[1].partition("\n[")[0]
    assert tuple(f"{name}/" for name in re.findall(r'"(\w+)"', wheel)) == distribution.PACKAGES
