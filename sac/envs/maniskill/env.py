"""One ManiSkill task on the CPU simulator, as a pure function of its seeds and actions."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
import torch

from sac.envs.errors import BadEnvironment, unknown_value
from sac.envs.maniskill import patches
from sac.envs.maniskill.headless import prepare_rendering
from sac.envs.maniskill.isolation import IsolatedGenerators
from sac.envs.maniskill.physics_reset import reset_physics
from sac.envs.protocol import EnvSpec
from sac.envs.serial import Transition
from sac.native import exact_reciprocals

REWARD_MODE = "normalized_dense"


class ManiSkillEnv:
    """One task with state observations and a dense reward; implements `serial.SingleEnv`.

    ManiSkill's own tasks, and those of this package, run in torch's inference mode, which makes a StackCube step an
    eighth faster and changes no bit. Other tasks run without it, because they may ask for gradients. Code that steps or
    resets `base_env` itself must enter that mode too.

    Each reset and step runs with private generators, seeded with the episode's seed. So what the task draws does not
    depend on the process, and does not change it. A reset also brings the simulator into a state that does not depend
    on earlier episodes (see `physics_reset`).

    Args:
        env_id: a registered task, for example ``StackCube-v1``.
        control_mode: a control mode of the task's robot; None for the robot's default.
        render_backend: ``none``, or ``cpu`` or ``gpu`` if frames are wanted.
        render_mode: ``rgb_array`` if frames are wanted.
    """

    def __init__(
        self,
        env_id: str,
        *,
        control_mode: str | None = None,
        render_backend: str = "none",
        render_mode: str | None = None,
    ) -> None:
        registered = find_task(env_id)
        exact_reciprocals.require()
        self._generators = IsolatedGenerators()
        own = registered.cls.__module__.startswith(("mani_skill.", "sac."))
        self._mode: Callable[[], AbstractContextManager[object]] = torch.inference_mode if own else nullcontext
        with self._generators, self._mode():
            self.base_env = build_base_env(
                env_id, control_mode, sim_backend="physx_cpu", render_backend=render_backend, render_mode=render_mode
            )
        self.spec = read_spec(env_id, self.base_env, registered.max_episode_steps)
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
            observation, reward, terminated, _, info = self.base_env.step(np.array(action, np.float32))
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
        with self._generators, self._mode():
            observation, _ = self.base_env.reset(seed=seed, options={"reconfigure": reconfigure})
        return _flat(observation)


def find_task(env_id: str) -> Any:
    """Return ManiSkill's registration of a task that this package can train on.

    Raises:
        BadEnvironment: the task is unknown, has no time limit or dense reward, or its assets are not downloaded.
    """
    prepare_rendering()
    importlib.import_module("mani_skill.envs")
    importlib.import_module("sac.envs.maniskill.contact_tasks")
    patches.install()
    registration = importlib.import_module("mani_skill.utils.registration")
    if env_id not in registration.REGISTERED_ENVS:
        raise unknown_value("--env_id", env_id, [*registration.REGISTERED_ENVS, "Point-v1"], show_all=False)
    registered = registration.REGISTERED_ENVS[env_id]
    if registered.max_episode_steps is None:
        raise BadEnvironment(f"--env_id {env_id!r} registers no max_episode_steps, so its episodes never end")
    if REWARD_MODE not in registered.cls.SUPPORTED_REWARD_MODES:
        modes = ", ".join(registered.cls.SUPPORTED_REWARD_MODES)
        raise BadEnvironment(f"--env_id {env_id!r} has no {REWARD_MODE} reward (it has: {modes})")
    _require_assets(env_id, registered.asset_download_ids or [])
    return registered


def build_base_env(
    env_id: str,
    control_mode: str | None,
    *,
    num_envs: int = 1,
    sim_backend: str,
    render_backend: str = "none",
    render_mode: str | None = None,
) -> Any:
    """Return ManiSkill's own environment, without gymnasium's wrappers.

    Raises:
        BadEnvironment: the robot has no such control mode, its assets are not downloaded, or the scene can't be built
            without a renderer.
    """
    with _no_questions(env_id):
        try:
            return _build(env_id, control_mode, num_envs, sim_backend, render_backend, render_mode)
        except AttributeError as error:
            if render_backend != "none" or "render" not in str(error):
                raise
            raise BadEnvironment(
                f"--env_id {env_id!r} builds its scene with what a renderer holds ({error}), and there is none here"
            ) from error


def _build(
    env_id: str, control_mode: str | None, num_envs: int, sim_backend: str, render_backend: str, render_mode: str | None
) -> Any:
    gymnasium = importlib.import_module("gymnasium")
    options = {
        "num_envs": num_envs,
        "obs_mode": "state",
        "reward_mode": REWARD_MODE,
        "sim_backend": sim_backend,
        "render_backend": render_backend,
        "render_mode": render_mode,
        # Explicit: some tasks take 1 as the default for a single environment, and rebuilding is this package's call.
        "reconfiguration_freq": 0,
    }
    try:
        return gymnasium.make(env_id, control_mode=control_mode, **options).unwrapped
    except (AssertionError, KeyError, NotImplementedError):
        if control_mode is None:
            raise
        default = gymnasium.make(env_id, **options).unwrapped
        modes = list(getattr(default.agent, "supported_control_modes", []))
        default.close()
        if control_mode in modes:
            raise
        raise unknown_value("--control_mode", control_mode, modes, show_all=True) from None


def read_spec(env_id: str, base_env: Any, max_episode_steps: int) -> EnvSpec:
    """Return what training needs to know of a ManiSkill environment.

    Raises:
        BadEnvironment: actions are not one flat vector with bounds, or observations not one flat vector.
    """
    spaces = importlib.import_module("gymnasium").spaces
    action = getattr(base_env, "single_action_space", None)
    if not isinstance(action, spaces.Box) or len(action.shape) != 1:
        found = type(action).__name__ if action is not None else "no robot"
        raise BadEnvironment(
            f"--env_id {env_id!r} has an action space of kind {found}; SAC here needs one flat vector of actions "
            "(tasks with several robots have a Dict)"
        )
    if not (np.isfinite(action.low).all() and np.isfinite(action.high).all()):
        raise BadEnvironment(f"--control_mode {base_env.control_mode!r} of {env_id} has actions without bounds")
    observation = base_env.single_observation_space
    if not isinstance(observation, spaces.Box) or len(observation.shape) != 1:
        raise BadEnvironment(f"--env_id {env_id!r} gives no flat state observation")
    low, high = np.array(action.low, np.float32), np.array(action.high, np.float32)
    return EnvSpec(env_id, int(observation.shape[0]), low, high, int(max_episode_steps))


@contextmanager
def _no_questions(env_id: str) -> Iterator[None]:
    """Raise if ManiSkill would ask on the terminal whether to download a robot: a worker process has no terminal."""
    downloads: Any = importlib.import_module("mani_skill.utils.download_asset")
    asks = downloads.prompt_yes_no

    def refuse(question: str) -> bool:
        if os.environ.get("MS_SKIP_ASSET_DOWNLOAD_PROMPT") == "1":
            return bool(asks(question))
        robot = re.match(r"Robot (\S+) has assets", question)
        raise _assets_missing(env_id, robot[1] if robot else "--help")

    downloads.prompt_yes_no = refuse
    try:
        yield
    finally:
        downloads.prompt_yes_no = asks


def _require_assets(env_id: str, asset_ids: list[str]) -> None:
    """Raise if ManiSkill would stop and ask on the terminal whether to download."""
    assets = importlib.import_module("mani_skill.utils.assets")
    for asset_id in asset_ids:
        group = asset_id in assets.DATA_GROUPS
        sources = assets.expand_data_group_into_individual_data_source_ids(asset_id) if group else [asset_id]
        if not all(assets.is_data_source_downloaded(source) for source in sources):
            raise _assets_missing(env_id, asset_id)


def _assets_missing(env_id: str, asset_id: str) -> BadEnvironment:
    return BadEnvironment(
        f"--env_id {env_id!r} needs assets that are not downloaded; run: "
        f"python -m mani_skill.utils.download_asset {asset_id}"
    )


def _flat(observation: Any) -> np.ndarray:
    """Return the one row of a (1, O) tensor as a float32 array that shares no memory with the simulator."""
    return np.array(observation[0].numpy(), np.float32)
