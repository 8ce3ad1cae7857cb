"""A scene full of contacts whose digest tells one simulator's arithmetic from another's."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from sac.digest import digest
from sac.envs.maniskill.headless import import_simulator
from sac.native import exact_reciprocals

STEPS = 300
"""Steps of the scene: 3 seconds."""
_TIMESTEP = 0.01
_BODIES = 30
_POINTS = 5
"""Points along each side of the uneven ground."""


def probe_physics() -> dict[str, str]:
    """Return name -> digest, further entries of the fingerprint's probe; takes about 0.15 s once SAPIEN is imported.

    Raises:
        MissingSystemLibrary: SAPIEN can't be imported.
    """
    import_simulator()
    with exact_reciprocals.uncounted():
        return {"simulator.contacts": digest(torch.from_numpy(_fall()))}


def _fall() -> np.ndarray:
    """Return poses and velocities (STEPS, bodies, 13) float32 of bodies of every shape falling onto uneven ground."""
    sapien = importlib.import_module("sapien")
    with _own_settings(sapien.physx):
        system = sapien.physx.PhysxCpuSystem()
        system.timestep = _TIMESTEP
        # Kept in a name: entities leave the simulation with their scene.
        scene = sapien.Scene([system])
        bodies = _fill(scene, sapien)
        return np.stack([_step(system, bodies) for _ in range(STEPS)])


@contextmanager
def _own_settings(physx: Any) -> Iterator[None]:
    """Use SAPIEN's own process-wide settings within the block, not those of some task."""
    kept = physx.get_scene_config(), physx.get_body_config(), physx.get_shape_config()
    physx.set_scene_config(
        gravity=np.array([0, 0, -9.81], np.float32), bounce_threshold=2.0, enable_pcm=True, enable_tgs=True
    )
    physx.set_body_config(solver_position_iterations=15, solver_velocity_iterations=1, sleep_threshold=0.005)
    physx.set_shape_config(contact_offset=0.02, rest_offset=0.0)
    try:
        yield
    finally:
        physx.set_scene_config(kept[0])
        physx.set_body_config(kept[1])
        physx.set_shape_config(kept[2])


def _step(system: Any, bodies: list[tuple[Any, Any]]) -> np.ndarray:
    system.step()
    rows = [(*e.pose.p, *e.pose.q, *c.linear_velocity, *c.angular_velocity) for e, c in bodies]
    return np.array(rows, np.float32)


def _fill(scene: Any, sapien: Any) -> list[tuple[Any, Any]]:
    """Put the ground and the bodies into a scene; return the bodies as (entity, component)."""
    physx = sapien.physx
    material = physx.PhysxMaterial(0.6, 0.5, 0.1)
    unit = np.ones(3, np.float32)
    corners = np.array([[1, 0, 0], [-1, 0.2, 0], [0, 1, 0.1], [0.1, -1, 0], [0, 0.1, 1], [0, 0, -1]], np.float32)
    makers = (
        lambda: physx.PhysxCollisionShapeConvexMesh(corners * np.float32(0.05), unit, material),
        lambda: physx.PhysxCollisionShapeBox([0.05, 0.04, 0.03], material),
        lambda: physx.PhysxCollisionShapeSphere(0.04, material),
        lambda: physx.PhysxCollisionShapeCapsule(0.03, 0.04, material),
        lambda: physx.PhysxCollisionShapeCylinder(0.03, 0.04, material),
    )
    ground = physx.PhysxCollisionShapeTriangleMesh(*_uneven_ground(), unit, material)
    _add(scene, sapien, physx.PhysxRigidStaticComponent(), ground, sapien.Pose())
    bodies = []
    for number in range(_BODIES):
        turn = np.array([1, number % 5 / 8, number % 3 / 16, number / 64])
        height = 0.15 + (number // len(makers)) / 8
        pose = sapien.Pose([number % 3 / 32, number % 4 / 40, height], turn / np.sqrt(turn @ turn))
        shape = makers[number % len(makers)]()
        bodies.append(_add(scene, sapien, physx.PhysxRigidDynamicComponent(), shape, pose))
    return bodies


def _uneven_ground() -> tuple[np.ndarray, np.ndarray]:
    """Return vertices (V, 3) float32 and triangles (T, 3) uint32 of a 2 m square with bumps of up to 6 cm."""
    side = range(_POINTS)
    vertices = [[x / 2 - 1, y / 2 - 1, (x * 7 + y * 3) % 4 / 50] for y in side for x in side]
    cells = [_POINTS * y + x for y in side[:-1] for x in side[:-1]]
    triangles = [t for a in cells for t in ((a, a + 1, a + _POINTS + 1), (a, a + _POINTS + 1, a + _POINTS))]
    return np.array(vertices, np.float32), np.array(triangles, np.uint32)


def _add(scene: Any, sapien: Any, component: Any, shape: Any, pose: Any) -> tuple[Any, Any]:
    """Put a body of one shape into a scene."""
    entity = sapien.Entity()
    component.attach(shape)
    entity.add_component(component)
    entity.set_pose(pose)
    scene.add_entity(entity)
    return entity, component
