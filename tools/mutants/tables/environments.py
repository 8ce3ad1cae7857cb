"""Environments whose episodes are not functions of their seeds, or whose answers are not the task's."""

from tools.mutants.mutant import NO_RUN, Mutant, Room

POINT = "sac/envs/point.py"
SERIAL = "sac/envs/serial.py"

ROOM = Room(
    "environments",
    (
        "tests/unit/envs/test_serial.py",
        "tests/unit/envs/test_protocol.py",
        "tests/unit/envs/test_point.py",
        "tests/unit/test_plain_run.py",
    ),
    (
        Mutant(
            "reward of another slope",
            POINT,
            "(offset[:, 0] + offset[:, 1]) * 0.25",
            "(offset[:, 0] + offset[:, 1]) * 0.24",
            "the task gives another reward",
            "eval.return",
        ),
        Mutant(
            "successor lost at the end",
            POINT,
            "next_observation=successor,",
            "next_observation=observation.clone(),",
            "the true successor of an episode's last step is lost",
            "rollout.next_obs",
        ),
        Mutant(
            "terminations not ignored",
            POINT,
            "terminated=torch.zeros_like(success) if self._ignore_terminations else success.clone()",
            "terminated=success.clone()",
            "an episode that goes on is said to have ended",
            "rollout.done",
            flags=("--no-partial_reset",),
        ),
        Mutant(
            "the same episode again",
            POINT,
            "            self.episodes[rows] += 1\n",
            "            self.episodes[rows] += 0\n",
            "every episode begins as the first one",
            "eval.action",
        ),
        Mutant(
            "time limit one step late",
            POINT,
            "out_of_time = self._steps >= self.spec.max_episode_steps",
            "out_of_time = self._steps > self.spec.max_episode_steps",
            "episodes are one step too long",
            NO_RUN,
        ),
        Mutant(
            "the same episode again, one by one",
            SERIAL,
            "            self.episodes[index] += 1\n",
            "            self.episodes[index] += 0\n",
            "every episode begins as the first one",
        ),
        Mutant(
            "seeds of the share",
            SERIAL,
            "        name = self._first_index + index\n        seed = ",
            "        name = index\n        seed = ",
            "environments of a second worker play the episodes of the first's",
            tests=("tests/unit/envs", "tests/integration/envs/workers/test_pool.py"),
        ),
        Mutant(
            "a scene for every episode",
            SERIAL,
            "return episode - episode % reconfiguration_freq if reconfiguration_freq else 0",
            "return episode if reconfiguration_freq else 0",
            "scenes are rebuilt from other episodes' seeds",
        ),
        Mutant(
            "actions shared with the caller",
            SERIAL,
            "rows = np.array(action.detach().cpu().numpy(), dtype=np.float32)",
            "rows = np.asarray(action.detach().cpu().numpy(), dtype=np.float32)",
            "an environment that clips its action in place changes what is stored",
        ),
        Mutant(
            "ends of the neighbour",
            SERIAL,
            "        for index in np.flatnonzero(ended):\n",
            "        for index in np.flatnonzero(np.roll(ended, 1)):\n",
            "another environment is reset than the one whose episode ended",
        ),
        Mutant(
            "not a number passes",
            SERIAL,
            'self._require_finite("reward", reward[:, None])',
            'self._require_finite("reward", 0 * np.nan_to_num(reward[:, None]))',
            "a reward that is no number is learned from",
        ),
        Mutant(
            "restored one action short",
            SERIAL,
            "for row in np.array(rows.cpu().numpy(), np.float32):",
            "for row in np.array(rows.cpu().numpy(), np.float32)[:-1]:",
            "a resumed episode is one step behind",
        ),
    ),
)
