"""What a physics reset does to a scene, told by a scene that keeps a list: nothing of the last episode may stay."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from sac.envs.maniskill import physics_reset


class Body:
    """A moving body, awake or asleep."""

    def __init__(self, kinematic=False):
        self.kinematic, self.woken = kinematic, 0

    def wake_up(self):
        if self.kinematic:
            raise RuntimeError("PhysX refuses to wake what it does not move")
        self.woken += 1


class Scene:
    """A SAPIEN scene: entities in the order in which they came."""

    def __init__(self, entities=(), timestep=0.01, events=None):
        self.entities = list(entities)
        self.events = [] if events is None else events
        self.physx_system = SimpleNamespace(timestep=timestep, rigid_dynamic_components=[])

    def remove_entity(self, entity):
        self.events.append(("remove", entity))
        self.entities.remove(entity)

    def add_entity(self, entity):
        self.events.append(("add", entity))
        self.entities.append(entity)


@pytest.fixture
def reset(monkeypatch):
    """Resets a task whose scene holds these bodies; returns the task, what happened, and the new scene."""

    def run(names, bodies, renders=False):
        events = []
        old, new = Scene(names, events=events), Scene(events=events)
        new.physx_system.rigid_dynamic_components = bodies
        base = SimpleNamespace(
            scene=SimpleNamespace(sub_scenes=[old], can_render=lambda: renders, px=old.physx_system),
            _set_scene_config=lambda: events.append("settings"),
        )
        sapien = SimpleNamespace(
            physx=SimpleNamespace(PhysxCpuSystem=lambda: events.append("system") or new.physx_system),
            Scene=lambda systems: new,
        )
        new.physx_system.timestep = None
        monkeypatch.setattr(physics_reset.importlib, "import_module", lambda name: {"sapien": sapien}[name])
        return physics_reset.reset_physics(base), base, events, new

    return run


NAMES = ["ground", "robot", "cube A", "cube B"]


def test_all_entities_move_to_an_empty_scene_in_their_order_and_all_leave_before_the_first_enters(reset):
    done, base, events, new = reset(NAMES, [])
    assert done and new.entities == NAMES
    moves = [event for event in events if event[0] in ("remove", "add")]
    assert moves == [("remove", name) for name in NAMES] + [("add", name) for name in NAMES]
    assert base.scene.sub_scenes == [new] and base.scene.px is new.physx_system


def test_the_sleep_timer_of_each_body_that_the_simulation_moves_begins_anew(reset):
    bodies = [Body(), Body(kinematic=True), Body()]
    reset(NAMES, bodies)
    assert [body.woken for body in bodies] == [1, 0, 1]


def test_the_new_scene_has_the_tasks_own_settings_and_time_step(reset):
    _, _, events, new = reset(NAMES, [])
    assert events.index("settings") < events.index("system"), "SAPIEN reads the settings when it makes the system"
    assert new.physx_system.timestep == 0.01


def test_a_scene_that_renders_is_left_as_it_is(reset):
    done, base, events, new = reset(NAMES, [Body()], renders=True)
    assert not done and events == [] and base.scene.sub_scenes != [new]
