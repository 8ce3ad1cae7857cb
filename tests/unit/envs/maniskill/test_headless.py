"""Null render materials: installed only without a renderer, once, and before ManiSkill's environments."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from sac.envs.maniskill import headless
from sac.envs.maniskill.headless import MissingSystemLibrary, NullRenderObject

ROOT = Path(__file__).parents[4]

SCRIPT = """
import logging, sys
logging.basicConfig(format="%(name)s: %(message)s", level=logging.INFO)
from sac.envs.maniskill import headless
{before}
line = headless.prepare_rendering()
assert headless.prepare_rendering() == line
assert "mani_skill.envs" not in sys.modules
import sapien.render, sapien.pysapien.render, sapien.wrapper.urdf_loader as loader
classes = {{m.RenderMaterial for m in (sapien.render, sapien.pysapien.render, loader)}}
assert len(classes) == 1, classes
print("null" if issubclass(classes.pop(), headless.NullRenderObject) else "own", "|", line)
"""


def run_script(before=""):
    return subprocess.run(
        [sys.executable, "-c", SCRIPT.format(before=before)], capture_output=True, text=True, cwd=ROOT, check=False
    )


@pytest.mark.maniskill
def test_without_a_renderer_null_materials_go_in_and_one_line_says_so():
    done = run_script("headless.find_renderer_failure = lambda: 'no device'")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("null | no renderer (no device): null render materials installed")
    assert done.stderr.count("sac.envs: no renderer") == 1


@pytest.mark.maniskill
def test_with_a_renderer_nothing_is_replaced():
    """The negative control of the one above."""
    done = run_script("headless.find_renderer_failure = lambda: None")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("own | renderer found")


def test_a_null_object_accepts_what_builders_do_with_materials():
    material = NullRenderObject(base_color=[1, 0, 0, 1])
    material.roughness = 0.5
    material.set_base_color([0, 0, 0, 1])
    assert material.base_color == [1, 0, 0, 1] and material.roughness == 0.5
    with pytest.raises(AttributeError):
        material.__deepcopy__  # noqa: B018


@pytest.mark.parametrize(
    ("text", "package"),
    [
        ("libGL.so.1: cannot open shared object file: No such file or directory", "libgl1"),
        ("libgthread-2.0.so.0: cannot open shared object file: No such file", "libglib2.0-0"),
    ],
)
def test_a_missing_system_library_names_its_debian_package(monkeypatch, text, package):
    def fail(name):
        raise ImportError(text)

    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(MissingSystemLibrary, match=f"apt-get install {package}") as caught:
        headless.import_or_explain("cv2")
    assert text.split(":")[0] in str(caught.value)


def test_another_import_error_passes_unchanged(monkeypatch):
    def fail(name):
        raise ModuleNotFoundError("No module named 'cv2'")

    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(ModuleNotFoundError, match="cv2"):
        headless.import_or_explain("cv2")
