"""Makes an episode independent of the ones before it.

ManiSkill's seeded reset restores poses and velocities, but not what PhysX remembers: contact caches, sleep timers and
the order of its islands. Measured on mani_skill 3.0.1 with random actions, against the same episode in a newly built
scene: 5 to 10 % of StackCube episodes, 20 % of PegInsertionSide's and nearly all of AntWalk's (whose first observation
reads the contact forces of the previous episode) have other bits after other episodes.

Rebuilding the scene costs 170 ms. Moving its objects into a new, empty PhysX scene costs half a millisecond, and gave
the bits of a rebuilt scene in every episode tried.
"""

from __future__ import annotations

import importlib
from typing import Any


def reset_physics(base_env: Any) -> bool:
    """Make PhysX forget the episodes so far, before a reset of ManiSkill's environment on the CPU simulator.

    Args:
        base_env: ManiSkill's `BaseEnv` with one environment.

    Returns:
        Whether that is done. It is False if the scene holds a renderer, whose cameras and lights can't be moved; the
        caller must then rebuild the scene, which gives the same bits.
    """
    scene = base_env.scene
    old = scene.sub_scenes[0]
    if scene.can_render():
        return False
    new = _new_scene(base_env, old.physx_system.timestep)
    entities = list(old.entities)
    # All leave before the first enters: the links of an articulation can't be in two scenes.
    for entity in entities:
        old.remove_entity(entity)
    for entity in entities:
        new.add_entity(entity)
    scene.sub_scenes[0] = new
    scene.px = new.physx_system
    _restart_sleep_timers(new.physx_system)
    return True


def _new_scene(base_env: Any, timestep: float) -> Any:
    """Return an empty scene with the task's settings."""
    sapien = importlib.import_module("sapien")
    # SAPIEN reads these from the process: another task may have set its own since.
    base_env._set_scene_config()
    system = sapien.physx.PhysxCpuSystem()
    system.timestep = timestep
    return sapien.Scene([system])


def _restart_sleep_timers(system: Any) -> None:
    """Reset every moving body's sleep timer to that of a new body."""
    for body in system.rigid_dynamic_components:
        if not body.kinematic:
            body.wake_up()
