"""One ManiSkill task on the CPU simulator, as a pure function of its seeds and actions."""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
import torch

from sac.envs.errors import BadEnvironment, unknown_value
from sac.envs.maniskill import patches
from sac.envs.maniskill.action_layout import ActionLayout
from sac.envs.maniskill.assets import require_assets, telling_of_assets
from sac.envs.maniskill.headless import prepare_rendering
from sac.envs.maniskill.isolation import IsolatedGenerators
from sac.envs.maniskill.physics_reset import reset_physics
from sac.envs.maniskill.put_off import plots_put_off
from sac.envs.own_tasks import import_tasks, registered_name
from sac.envs.protocol import EnvSpec
from sac.envs.quiet import show_once
from sac.envs.serial import Transition
from sac.native import exact_reciprocals

DEFAULT_REWARD = "normalized_dense"


class ManiSkillEnv:
    """One task with state observations; implements `serial.SingleEnv`.

    ManiSkill's own tasks, and those of this package, run in torch's inference mode, which makes a StackCube step an
    eighth faster and changes no bit. Other tasks run without it, because they may ask for gradients. Code that steps or
    resets `base_env` itself must enter that mode too.

    Each reset and step runs with private generators, seeded with the episode's seed. So what the task draws does not
    depend on the process, and does not change it. A reset also brings the simulator into a state that does not depend
    on earlier episodes (see `physics_reset`).

    Args:
        env_id: a registered task, for example ``StackCube-v1`` or ``my_package.tasks:MyPush-v1``.
        control_mode: a control mode of the task's robot; None for the robot's default.
        reward_mode: a reward mode of the task; None for the normalised dense one where there is one.
        imports: modules and files that register tasks, see `own_tasks`.
        render_backend: ``none``, or ``cpu`` or ``gpu`` if frames are wanted.
        render_mode: ``rgb_array`` if frames are wanted.
    """

    def __init__(
        self,
        env_id: str,
        *,
        control_mode: str | None = None,
        reward_mode: str | None = None,
        imports: Sequence[str] = (),
        render_backend: str = "none",
        render_mode: str | None = None,
    ) -> None:
        registered = find_task(env_id, imports)
        mode = choose_reward(env_id, registered.cls, reward_mode)
        exact_reciprocals.require()
        self._generators = IsolatedGenerators()
        own = registered.cls.__module__.startswith(("mani_skill.", "sac."))
        self._mode: Callable[[], AbstractContextManager[object]] = torch.inference_mode if own else nullcontext
        with self._generators, self._mode():
            self.base_env = build_base_env(
                env_id,
                control_mode,
                mode,
                sim_backend="physx_cpu",
                render_backend=render_backend,
                render_mode=render_mode,
            )
        self._actions = read_actions(env_id, self.base_env)
        self.spec = read_spec(env_id, self.base_env, self._actions, registered.max_episode_steps)
        self._scene_seed: int | None = None
        self._steps = 0

    def reset(self, seed: int, scene_seed: int) -> np.ndarray:
        """Begin the episode of `seed` in the scene of `scene_seed`; return the observation (O,) float32.

        The scene (its objects and their sizes) is rebuilt only if it is not already that of `scene_seed`.
        """
        if scene_seed != self._scene_seed or not reset_physics(self.base_env):
            # Unset meanwhile, so that a failed rebuild is tried again.
            self._scene_seed = None
            self._seeded_reset(scene_seed, reconfigure=True)
            self._scene_seed = scene_seed
        self._steps = 0
        return self._seeded_reset(seed, reconfigure=False)

    def step(self, action: np.ndarray) -> Transition:
        """Apply an action (A,) float32."""
        # Note: the bare task, without gymnasium's wrappers: they add a tenth to the time and only count steps.
        with self._generators, self._mode():
            observation, reward, terminated, _, info = self.base_env.step(
                self._actions.split(np.array(action, np.float32))
            )
        self._steps += 1
        return Transition(
            observation=_flat(observation),
            reward=float(reward),
            terminated=bool(terminated),
            truncated=self._steps >= self.spec.max_episode_steps,
            success=bool(info.get("success", False)),
            fail=bool(info.get("fail", False)),
        )

    def render(self) -> np.ndarray:
        """Return the current frame (H, W, 3) uint8; needs a render backend and render mode ``rgb_array``."""
        with self._generators, self._mode():
            frame = self.base_env.render()
        return np.array(frame.cpu().numpy()[0], np.uint8)

    def close(self) -> None:
        """Release the simulator."""
        self.base_env.close()

    def _seeded_reset(self, seed: int, *, reconfigure: bool) -> np.ndarray:
        self._generators.seed(seed)
        with self._generators, self._mode(), telling_of_assets(self.spec.env_id):
            observation, _ = self.base_env.reset(seed=seed, options={"reconfigure": reconfigure})
        return _flat(observation)


def find_task(env_id: str, imports: Sequence[str] = ()) -> Any:
    """Return ManiSkill's registration of a task that this package can train on.

    Args:
        env_id: its name, with the module to import in front of a colon where it has one.
        imports: modules and files to import before.

    Raises:
        BadEnvironment: the task is unknown, has no time limit, or its assets are not downloaded.
    """
    show_once()
    prepare_rendering()
    if "mani_skill.envs" not in sys.modules:
        _import_maniskill()
    importlib.import_module("sac.envs.maniskill.contact_tasks")
    patches.install()
    import_tasks(env_id, imports)
    known = importlib.import_module("mani_skill.utils.registration").REGISTERED_ENVS
    name = registered_name(env_id)
    if name not in known:
        raise _unknown_task(env_id, known)
    registered = known[name]
    if registered.max_episode_steps is None:
        raise BadEnvironment(f"--env_id {env_id!r} registers no max_episode_steps, so its episodes never end")
    require_assets(env_id, registered.asset_download_ids or [])
    return registered


def _import_maniskill() -> None:
    """Import ManiSkill's tasks, and keep what was imported out of garbage collections.

    ManiSkill asks for a collection whenever it clears or builds a scene, and each would go through all that torch and
    its own modules hold, and find nothing.
    """
    with plots_put_off():
        importlib.import_module("mani_skill.envs")
    gc.collect()
    gc.freeze()


def _unknown_task(env_id: str, known: dict[str, Any]) -> BadEnvironment:
    """Say what is known of a name under which ManiSkill has no task."""
    name, others = registered_name(env_id), importlib.import_module("gymnasium").registry
    if name in others:
        return BadEnvironment(
            f"--env_id {env_id!r} is not a ManiSkill task: it is registered with gymnasium alone "
            f"({others[name].entry_point}), and this SAC trains on tasks registered with mani_skill's `register_env`"
        )
    if name != env_id:
        return BadEnvironment(
            f"--env_id {env_id!r}: importing {env_id.rpartition(':')[0]} registers no task {name!r} with mani_skill's "
            "`register_env`"
        )
    error = unknown_value("--env_id", env_id, [*known, "Point-v1"], show_all=False)
    return BadEnvironment(f"{error}; a task of your own: --env_id=MODULE:{env_id}, or --import MODULE")


def choose_reward(env_id: str, cls: Any, wanted: str | None) -> str:
    """Return the reward mode in which a task is built.

    Args:
        env_id: its name, for messages.
        cls: the task's class.
        wanted: ``--reward_mode``; None for the normalised dense one, or else the first of the task's own, which is the
            one that ManiSkill takes where none is asked for.

    Raises:
        BadEnvironment: the task has no such mode, or no reward at all.
    """
    modes = [mode for mode in cls.SUPPORTED_REWARD_MODES if mode != "none"]
    if not modes:
        raise BadEnvironment(f"--env_id {env_id!r} gives no reward: nothing can be learned from it")
    if wanted is None:
        return DEFAULT_REWARD if DEFAULT_REWARD in modes else modes[0]
    if wanted not in modes:
        raise BadEnvironment(f"--reward_mode {wanted!r}: {env_id} has {', '.join(modes)}")
    return wanted


def build_base_env(
    env_id: str,
    control_mode: str | None,
    reward_mode: str,
    *,
    num_envs: int = 1,
    sim_backend: str,
    render_backend: str = "none",
    render_mode: str | None = None,
) -> Any:
    """Return ManiSkill's own environment, without gymnasium's wrappers.

    Raises:
        BadEnvironment: the robot has no such control mode, assets are not downloaded, or the scene can't be built
            without a renderer.
    """
    options = {
        "num_envs": num_envs,
        "obs_mode": "state",
        "reward_mode": reward_mode,
        "sim_backend": sim_backend,
        "render_backend": render_backend,
        "render_mode": render_mode,
        # Explicit: some tasks take 1 as the default for a single environment, and rebuilding is this package's call.
        "reconfiguration_freq": 0,
    }
    with telling_of_assets(env_id), _telling_of_renderers(env_id, render_backend):
        return _build(registered_name(env_id), control_mode, options)


@contextmanager
def _telling_of_renderers(env_id: str, render_backend: str) -> Iterator[None]:
    """Raise `BadEnvironment` where a scene takes hold of what a renderer would have given it."""
    try:
        yield
    except AttributeError as error:
        if render_backend != "none" or "render" not in str(error):
            raise
        raise BadEnvironment(
            f"--env_id {env_id!r} builds its scene with what a renderer holds ({error}), and there is none here"
        ) from error


def _build(name: str, control_mode: str | None, options: dict[str, Any]) -> Any:
    gymnasium = importlib.import_module("gymnasium")
    try:
        return gymnasium.make(name, control_mode=control_mode, **options).unwrapped
    except (AssertionError, KeyError, NotImplementedError):
        if control_mode is None:
            raise
        default = gymnasium.make(name, **options).unwrapped
        modes = list(getattr(default.agent, "supported_control_modes", []))
        default.close()
        if control_mode in modes:
            raise
        raise unknown_value("--control_mode", control_mode, modes, show_all=True) from None


def read_actions(env_id: str, base_env: Any) -> ActionLayout:
    """Return how a flat action becomes the one of the task.

    Raises:
        BadEnvironment: the task has no robot, or actions that are no vector with bounds, nor several under names.
    """
    try:
        return ActionLayout.of(getattr(base_env, "single_action_space", None))
    except ValueError as error:
        raise BadEnvironment(f"--env_id {env_id!r}, --control_mode {base_env.control_mode!r}: {error}") from error


def read_spec(env_id: str, base_env: Any, actions: ActionLayout, max_episode_steps: int) -> EnvSpec:
    """Return what training needs to know of a ManiSkill environment.

    Raises:
        BadEnvironment: observations are not one flat vector.
    """
    spaces = importlib.import_module("gymnasium").spaces
    observation = base_env.single_observation_space
    if not isinstance(observation, spaces.Box) or len(observation.shape) != 1:
        raise BadEnvironment(f"--env_id {env_id!r} gives no flat state observation")
    return EnvSpec(env_id, int(observation.shape[0]), actions.low, actions.high, int(max_episode_steps))


def _flat(observation: Any) -> np.ndarray:
    """Return the one row of a (1, O) tensor as a float32 array that shares no memory with the simulator."""
    return np.array(observation[0].numpy(), np.float32)
