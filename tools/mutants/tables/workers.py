"""Worker processes that compute in another way than their parent, or answer in another order."""

from tools.mutants.mutant import Mutant, Room

PROCESS = "sac/envs/workers/process.py"
POOL = "sac/envs/workers/pool.py"

ROOM = Room(
    "workers",
    (
        "tests/unit/envs/workers",
        "tests/unit/envs/test_factory.py",
        "tests/integration/envs/workers/test_pool.py",
    ),
    (
        Mutant(
            "exact functions left to the parent",
            PROCESS,
            "        exact_functions.install(exact)\n",
            "        exact_functions.install(False)\n",
            "workers compute rotations and angles with the vendor's functions",
        ),
        Mutant(
            "exact reciprocals left to the parent",
            PROCESS,
            "        exact_reciprocals.install(exact)\n",
            "        exact_reciprocals.install(False)\n",
            "workers simulate with the CPU's own reciprocals",
        ),
        Mutant(
            "as many threads as torch likes",
            PROCESS,
            "        torch.set_num_threads(1)\n",
            "",
            "what a worker sums depends on the number of cores",
        ),
        Mutant(
            "threads left to the libraries",
            POOL,
            '    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),\n',
            "",
            "libraries in workers take as many threads as there are cores",
        ),
        Mutant(
            "debug mode left to the parent",
            PROCESS,
            "torch.set_deterministic_debug_mode(debug_mode)",
            "torch.set_deterministic_debug_mode(0 * debug_mode)",
            "workers may choose algorithms that don't repeat",
        ),
        Mutant(
            "answers in order of arrival",
            POOL,
            "                answers[index] = self._answer(index)\n",
            "                answers[len(answers)] = self._answer(index)\n",
            "what one worker says is taken for what another did",
        ),
        Mutant(
            "profile not handed on",
            "sac/envs/factory.py",
            "get_deterministic_debug_mode(), exact_functions.is_installed(), asked_to_stop)",
            "get_deterministic_debug_mode(), False, asked_to_stop)",
            "workers of a portable run are not portable",
        ),
        Mutant(
            "memory handed out",
            "sac/envs/workers/shared_memory.py",
            "torch.from_numpy(self._arrays[name].copy())",
            "torch.from_numpy(self._arrays[name])",
            "the next step overwrites what the collector has kept",
        ),
        Mutant(
            "shares overlap",
            "sac/envs/workers/vector_env.py",
            "return [range(start, stop) for start, stop in itertools.pairwise(bounds)]",
            "return [range(start, min(stop + 1, num_envs)) for start, stop in itertools.pairwise(bounds)]",
            "two workers step the same environment",
        ),
        Mutant(
            "episodes not told",
            PROCESS,
            "(shared.action[rows])))\n        shared.episodes[rows] = self._envs[key].episodes\n",
            "(shared.action[rows])))\n",
            "the parent's numbers of episodes stay behind",
        ),
    ),
)
