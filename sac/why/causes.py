"""The catalogue of causes: what each is, why it makes runs differ, how to mend it, and where it was seen.

Nothing in here decides which cause it is. `suspects` lists what may be the cause of a divergence, and `proof` runs the
script again with each of them forced: the cause is what moves the divergence.
"""

from __future__ import annotations

from dataclasses import dataclass

ISSUE = "https://github.com/mani-skill/ManiSkill/issues/1250"
REPRODUCIBILITY = "https://docs.pytorch.org/docs/stable/notes/randomness.html"
PYTHONHASHSEED = "https://docs.python.org/3/using/cmdline.html#envvar-PYTHONHASHSEED"
GENERATORS = "https://numpy.org/doc/stable/reference/random/generator.html#numpy.random.default_rng"
_ENTROPY = "Entropy is new in every process; that is what it is for."
_HASH = "Strings and bytes are hashed with a key that every interpreter draws anew, unless PYTHONHASHSEED is set."


@dataclass(frozen=True)
class Cause:
    """One entry of the catalogue.

    Attributes:
        name: its name in tests and in JSON.
        title: what is the matter, in one line.
        why: why it makes runs differ.
        fix: what to change.
        link: a known case, or the documentation, if there is any.
        seen: whether it is no cause that a run can prove, but what was seen to happen.
    """

    name: str
    title: str
    why: str
    fix: str
    link: str | None
    seen: bool = False

    @property
    def link_label(self) -> str | None:
        """What the link leads to: `known`, a thread about such a case, or `docs`."""
        if self.link is None:
            return None
        return "known" if "/issues/" in self.link else "docs"


_ALL = (
    Cause(
        "shared-file",
        "the two runs share a file, and one can have disturbed the other by it",
        "`sac why` runs the command twice at once, in one folder: a run finds there what the other one has made. What "
        "parts them then may not be the script's doing.",
        "Give each run its own place: `{run}` in the command is another name in each run, as in `--out runs/{run}`; or "
        "take that name from `os.environ['SAC_WHY_RUN']` in the script.",
        None,
        seen=True,
    ),
    Cause(
        "one-run-ended",
        "one run ended where the other one went on",
        "One run met an exception, a signal, or a limit of time or memory.",
        "The notes say how each run ended. Look at what decides there whether the script goes on.",
        REPRODUCIBILITY,
        seen=True,
    ),
    Cause(
        "unseeded-space",
        "a space is sampled that nobody has seeded",
        "A gymnasium space has a generator of its own and seeds it from the operating system's entropy. No global "
        "seed and no `reset(seed=...)` reaches it.",
        "Seed it before the first sample: `envs.action_space.seed(seed)`; or draw from a generator that is seeded.",
        ISSUE,
    ),
    Cause(
        "unseeded-reset",
        "an environment is reset without a seed",
        "An environment takes its randomness from the operating system's entropy, or from a global generator that "
        "nobody has seeded, unless its first `reset` is given a seed. No global seed reaches its own generator.",
        "Give the first reset a seed: `env.reset(seed=seed)`.",
        "https://gymnasium.farama.org/api/env/#gymnasium.Env.reset",
    ),
    Cause(
        "pool-race",
        "tasks of a pool draw from a generator that lives in the worker",
        "Which worker gets which task is a race, and so is what the tasks before it have drawn there.",
        "Make a generator within each task, from your seed and the task's number.",
        "https://numpy.org/doc/stable/reference/random/parallel.html",
    ),
    Cause(
        "thread-race",
        "several threads draw from one generator",
        "Which thread draws first is a race, and whoever comes second gets the next number.",
        "Give each thread a generator of its own, made from your seed and the thread's number.",
        "https://numpy.org/doc/stable/reference/random/multithreading.html",
    ),
    Cause(
        "thread-order",
        "the order in which threads come decides",
        "What several threads append to a list, or change, has the order in which they happened to run.",
        "Keep what each thread makes apart, and join it in a fixed order: by the thread's number, then by step.",
        None,
    ),
    Cause(
        "process-race",
        "several processes change what they share, in the order in which they come",
        "Processes that train one network in shared memory, as Hogwild and A3C do, read it in the middle of each "
        "other's updates: which of them comes first is a race.",
        "Let each process send its gradients or transitions to one learner, which applies them in a fixed order: by "
        "the process's number, then by step.",
        "https://docs.pytorch.org/docs/stable/notes/multiprocessing.html#asynchronous-multiprocess-training-e-g-hogwild",
    ),
    Cause(
        "consumed-elsewhere",
        "the same generator is used by code that only one of the runs executed",
        "Whoever draws from a shared generator moves it on for everybody after: evaluation, logging or a longer "
        "episode changes what training draws.",
        "Give each consumer its own generator; or save the generator's state before, and restore it after.",
        ISSUE,
    ),
    Cause(
        "thread-count",
        "the two runs computed with different numbers of threads",
        "A sum that is cut into another number of parts is rounded in other places.",
        "Fix the number: `torch.set_num_threads(n)`, or OMP_NUM_THREADS and MKL_NUM_THREADS in the environment.",
        REPRODUCIBILITY,
    ),
    Cause(
        "seed-from-clock",
        "a seed is taken from the clock",
        "Every run starts at another time.",
        "Take the seed from the command line, with a fixed default, and write it down.",
        REPRODUCIBILITY,
    ),
    Cause(
        "seed-from-pid",
        "a seed is taken from the process id",
        "The operating system gives every process another number.",
        "Count your workers yourself, and derive their seeds from one seed and that count.",
        REPRODUCIBILITY,
    ),
    Cause(
        "seed-from-hash",
        "a seed is taken from Python's `hash()`",
        _HASH,
        "Use a hash that is fixed: `zlib.crc32(name.encode())`, or hashlib.",
        PYTHONHASHSEED,
    ),
    Cause(
        "seed-from-entropy",
        "a seed is drawn from the operating system's entropy",
        _ENTROPY,
        "Take the seed from the command line, with a fixed default, and write it down.",
        REPRODUCIBILITY,
    ),
    Cause(
        "seeded-too-late",
        "a global generator is drawn from before it is seeded",
        "Before it is seeded, a generator holds what the operating system's entropy gave it: what was built of that "
        "differs, whatever is seeded afterwards.",
        "Seed first, before environments and networks are made.",
        REPRODUCIBILITY,
    ),
    Cause(
        "dropout-in-evaluation",
        "dropout is still on where no gradient is taken",
        "A module in training mode draws a new mask at every forward, from the global generator.",
        "Call `model.eval()` before evaluating, and `model.train()` after it.",
        "https://docs.pytorch.org/docs/stable/generated/torch.nn.Dropout.html",
    ),
    Cause(
        "unseeded-replay",
        "indices are drawn from a generator that nobody has seeded",
        "Every run trains on other batches.",
        "Seed it, or better: give the replay buffer a generator of its own, made from your seed.",
        REPRODUCIBILITY,
    ),
    Cause(
        "unseeded-generator",
        "a generator is made without a seed",
        "`default_rng()`, `RandomState()`, `random.Random()` and `Generator.seed()` take their seed from the operating "
        "system's entropy. So does the `np_random` of an environment whose `reset` doesn't hand its seed on.",
        "Give the generator a seed where it is made: `default_rng(seed)`, or `super().reset(seed=seed)`.",
        GENERATORS,
    ),
    Cause(
        "unseeded-global",
        "a global generator is drawn from that nobody has seeded",
        "A library seeds its global generator from entropy, unless the script does it. Each has its own: seeding torch "
        "seeds neither NumPy's nor that of `random`.",
        "Seed all three at the start: `random.seed(s)`, `numpy.random.seed(s)`, `torch.manual_seed(s)`.",
        REPRODUCIBILITY,
    ),
    Cause(
        "set-order",
        "the order of a set decides",
        "The order of a set depends on the hashes of its elements: those of strings on a key that every interpreter "
        "draws anew, those of plain objects on their addresses in memory.",
        "Iterate over `sorted(...)`, or keep the elements in a list or in the keys of a dict.",
        PYTHONHASHSEED,
    ),
    Cause(
        "listing-order",
        "the order of a directory listing decides",
        "`os.listdir`, `os.scandir` and `glob` give names in the order of the file system, which is nobody's promise.",
        "Sort it: `sorted(os.listdir(folder))`.",
        "https://docs.python.org/3/library/os.html#os.listdir",
    ),
    Cause(
        "completion-order",
        "results are used in the order in which workers finish",
        "Which worker is first depends on the load of the machine.",
        "Ask for them in the order of submission: `executor.map`, `pool.imap`, or wait for each future in turn. Of a "
        "queue, take a whole round and sort it by worker and step, or give each worker a queue of its own.",
        "https://docs.python.org/3/library/concurrent.futures.html#concurrent.futures.as_completed",
    ),
    Cause(
        "id-order",
        "addresses of objects decide",
        "`id()` is an address in memory, and the system places memory differently in every process.",
        "Use a key of your own: a name, or the position in a list; as a seed, a fixed number.",
        "https://docs.python.org/3/library/functions.html#id",
    ),
    Cause(
        "hash-value",
        "a value is made of Python's `hash()`",
        _HASH,
        "Use a hash that is fixed: `zlib.crc32(name.encode())`, or hashlib.",
        PYTHONHASHSEED,
    ),
    Cause(
        "uninitialised",
        "memory is read that nobody has written",
        "`torch.empty` gives memory as it is: whatever was there before.",
        "Use `torch.zeros`, or write all of it before it is read.",
        "https://docs.pytorch.org/docs/stable/deterministic.html",
    ),
    Cause(
        "clock-value",
        "the clock decides",
        "Every run starts at another time and takes another time.",
        "Count steps, not seconds, wherever the result depends on it.",
        REPRODUCIBILITY,
    ),
    Cause(
        "entropy-value",
        "a value is drawn from the operating system's entropy",
        _ENTROPY,
        "Draw from a generator that you have seeded.",
        REPRODUCIBILITY,
    ),
    Cause(
        "outside-value",
        "a call gives another value in each run, for equal arguments",
        "What it tells comes from outside of the program: the system, the hardware, a file, the network.",
        "Make what it tells an option of the program with a fixed default, or take it out of what is computed.",
        REPRODUCIBILITY,
    ),
    Cause(
        "program-output",
        "what another program printed decides",
        "A program such as `date`, `uuidgen` or `nvidia-smi` answers another thing in every run.",
        "Compute it in the script, from your seed; or give it on the command line, with a fixed default.",
        None,
    ),
    Cause(
        "arithmetic",
        "the same computation on the same inputs is rounded differently",
        "A kernel may sum in no fixed order (atomic additions on a GPU, threads that race); another library or CPU "
        "rounds otherwise too.",
        "`torch.use_deterministic_algorithms(True)`, `torch.set_num_threads(1)`; `--deep` names the operator.",
        REPRODUCIBILITY,
    ),
)

CAUSES = {cause.name: cause for cause in _ALL}

UNKNOWN = Cause(
    "unknown",
    "no cause is proved",
    "Either nothing that may differ from run to run could be forced, or forcing it didn't move the place.",
    "Look at what runs between the last equal event and this one; `sac why --deep` shows torch's operations there.",
    None,
    seen=True,
)
