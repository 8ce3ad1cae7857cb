"""Null render materials: installed only without a renderer, once, and before ManiSkill's environments."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

import pytest

from sac.envs.maniskill import headless
from sac.envs.maniskill.headless import MissingSystemLibrary, NullRenderObject


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


HOLDERS = (
    "sapien.pysapien.render",
    "sapien.render",
    "sapien.wrapper.urdf_loader",
    "mani_skill.utils.building._mjcf_loader",
)
NAMES = ("RenderMaterial", "RenderTexture2D")


def test_every_holder_of_a_render_class_gets_the_same_null(monkeypatch):
    """One that kept SAPIEN's own would fail to build there, or not be recognised by `isinstance`."""
    modules = [ModuleType(holder) for holder in HOLDERS]
    for module in modules:
        monkeypatch.setitem(sys.modules, module.__name__, module)
        for name in NAMES:
            setattr(module, name, type(name, (), {}))
    headless.install_null_materials()
    for name in NAMES:
        held = {getattr(module, name) for module in modules}
        assert len(held) == 1 and issubclass(held.pop(), NullRenderObject), name
