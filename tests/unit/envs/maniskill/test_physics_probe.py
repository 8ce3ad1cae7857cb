"""The scene of contacts tells simulators apart, whatever else the process has simulated."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from sac.envs.maniskill import physics_probe

pytestmark = pytest.mark.maniskill


@pytest.fixture
def physx():
    physics_probe.import_simulator()
    return importlib.import_module("sapien").physx


def test_the_settings_that_a_task_has_left_do_not_matter_and_are_put_back(physx):
    before = physics_probe.probe_physics()
    kept = physx.get_shape_config(), physx.get_body_config(), physx.get_scene_config()
    physx.set_shape_config(contact_offset=0.05, rest_offset=0.01)
    physx.set_body_config(solver_position_iterations=3, solver_velocity_iterations=0)
    physx.set_scene_config(gravity=np.array([0, 0, -1], np.float32), enable_tgs=False)
    try:
        assert physics_probe.probe_physics() == before
        assert physx.get_shape_config().contact_offset == np.float32(0.05)
        assert physx.get_body_config().solver_position_iterations == 3
        assert not physx.get_scene_config().enable_tgs
    finally:
        physx.set_shape_config(kept[0])
        physx.set_body_config(kept[1])
        physx.set_scene_config(kept[2])


def test_the_bodies_fall_and_come_to_lie_on_the_ground(physx):
    """Otherwise the digest would say nothing of contacts."""
    height = physics_probe._fall()[:, :, 2]
    assert (height[-1] < height[0]).all()
    assert (height[-1] > -0.1).sum() >= 25, "more of them have rolled off the edge than lie on it"


def test_one_rounding_in_one_velocity_changes_the_digest(physx, monkeypatch):
    before = physics_probe.probe_physics()
    fall = physics_probe._fall

    def rounded() -> np.ndarray:
        rows = fall()
        rows[-1, 7, 9] = np.nextafter(rows[-1, 7, 9], np.float32(9))
        return rows

    monkeypatch.setattr(physics_probe, "_fall", rounded)
    assert physics_probe.probe_physics() != before
