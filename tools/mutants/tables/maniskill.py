"""The simulator: what a reset leaves behind, and draws that are not the episode's own."""

from tools.mutants.mutant import Mutant, Room

RESET = "sac/envs/maniskill/physics_reset.py"
ENV = "sac/envs/maniskill/env.py"
ISOLATION = "sac/envs/maniskill/isolation.py"
HEADLESS = "sac/envs/maniskill/headless.py"

ROOM = Room(
    "maniskill",
    (
        "tests/unit/envs/maniskill/test_physics_reset.py",
        "tests/unit/envs/maniskill/test_isolation.py",
        "tests/unit/envs/maniskill/test_own_draws.py",
        "tests/unit/envs/maniskill/test_headless.py",
        "tests/unit/envs/maniskill/test_one_env.py",
    ),
    (
        Mutant(
            "sleep timers left",
            RESET,
            "    _restart_sleep_timers(new.physx_system)\n",
            "",
            "a body that had come to rest sleeps through the next episode's beginning",
        ),
        Mutant(
            "sleep timers of kinematic bodies",
            RESET,
            "        if not body.kinematic:\n            body.wake_up()",
            "        if body.kinematic:\n            body.wake_up()",
            "bodies that the simulation moves keep their timers",
        ),
        Mutant(
            "entities in another order",
            RESET,
            "    for entity in entities:\n        new.add_entity(entity)\n",
            "    for entity in reversed(entities):\n        new.add_entity(entity)\n",
            "the solver meets the objects in another order than in a new scene",
        ),
        Mutant(
            "settings of the task before",
            RESET,
            "    base_env._set_scene_config()\n",
            "",
            "a scene is simulated with the settings that another task has left",
        ),
        Mutant(
            "another time step",
            RESET,
            "    system.timestep = timestep\n",
            "    system.timestep = 2 * timestep\n",
            "a reset scene moves in other steps",
        ),
        Mutant(
            "physics not reset",
            ENV,
            "if scene_seed != self._scene_seed or not reset_physics(self.base_env):",
            "if scene_seed != self._scene_seed:",
            "contact caches of the episode before are felt",
        ),
        Mutant(
            "step not isolated",
            ENV,
            "        with self._generators, self._mode():\n            observation, reward",
            "        with self._mode():\n            observation, reward",
            "what a task draws in a step comes from the process's generators",
        ),
        Mutant(
            "reset not isolated",
            ENV,
            "        with self._generators, self._mode(), telling_of_assets",
            "        with self._mode(), telling_of_assets",
            "what a task draws in a reset comes from the process's generators",
        ),
        Mutant(
            "generators not seeded",
            ENV,
            "        self._generators.seed(seed)\n",
            "",
            "what a task draws depends on the episodes before",
        ),
        Mutant(
            "time limit of ManiSkill one step late",
            ENV,
            "truncated=self._steps >= self.spec.max_episode_steps",
            "truncated=self._steps > self.spec.max_episode_steps",
            "episodes are one step too long",
        ),
        Mutant(
            "observations shared",
            ENV,
            "return np.array(observation[0].numpy(), np.float32)",
            "return np.asarray(observation[0].numpy(), np.float32)",
            "the simulator's next step overwrites what was observed",
        ),
        Mutant(
            "materials in one holder",
            HEADLESS,
            '    "sapien.render",\n    "sapien.wrapper.urdf_loader",\n',
            '    "sapien.wrapper.urdf_loader",\n',
            "half of those that hold render materials keep SAPIEN's own",
        ),
        Mutant(
            "materials but no loader's",
            HEADLESS,
            '    "sapien.wrapper.urdf_loader",\n',
            "",
            "robots can't be loaded without a renderer",
        ),
        Mutant(
            "NumPy's generator moved",
            ISOLATION,
            "        _write_numpy(numpy)\n        torch.default_generator",
            "        torch.default_generator",
            "a task's draws move NumPy's global generator",
        ),
        Mutant(
            "torch's generator moved",
            ISOLATION,
            "        torch.default_generator.set_state(torch_state)\n",
            "",
            "a task's draws move torch's global generator",
        ),
        Mutant(
            "draws of every thread",
            "sac/envs/maniskill/own_draws.py",
            "class _Thread(threading.local):",
            "class _Thread:",
            "another thread's draws come from the task's generators",
        ),
        Mutant(
            "seeded from within in vain",
            "sac/envs/maniskill/own_draws.py",
            "        if inside:\n            _thread.generators = self.generators\n",
            "",
            "a reset that seeds its generators goes on with the old ones",
        ),
    ),
    trained=False,
)
