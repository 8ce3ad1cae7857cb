"""Null render materials: installed only without a renderer, once, and before ManiSkill's environments."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]


SCRIPT = """
import logging, sys
logging.basicConfig(format="%(name)s: %(message)s", level=logging.INFO)
from sac.envs.maniskill import headless
{before}
import sapien
import sapien.render, sapien.wrapper.urdf_loader
own = {{sapien.render.RenderMaterial, sapien.render.RenderTexture2D}}
line = headless.prepare_rendering()
assert headless.prepare_rendering() == line
assert "mani_skill.envs" not in sys.modules
import sapien.render, sapien.pysapien.render, sapien.wrapper.urdf_loader as loader
classes = {{m.RenderMaterial for m in (sapien.render, sapien.pysapien.render, loader)}}
assert len(classes) == 1, classes
holders = {{
    f"{{name}}.{{attribute}}"
    for name, module in list(sys.modules.items())
    for attribute, value in list(vars(module).items())
    # What draws frames is no builder, and is never used without a renderer.
    if isinstance(value, type) and value in own and name != "sapien.wrapper.renderer"
}}
print("held", len(holders), *holders, file=sys.stderr)
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
    assert "held 0\n" in done.stderr, "somebody still holds SAPIEN's own materials"
    assert done.stdout.startswith("null | no renderer (no device): null render materials installed")
    assert done.stderr.count("sac.envs: no renderer") == 1


@pytest.mark.maniskill
def test_with_a_renderer_nothing_is_replaced():
    """The negative control of the one above."""
    done = run_script("headless.find_renderer_failure = lambda: None")
    assert done.returncode == 0, done.stderr
    assert "held 0\n" not in done.stderr
    assert done.stdout.startswith("own | renderer found")
