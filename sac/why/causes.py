"""The catalogue of causes: how each is recognised, why it happens, how to mend it, and where it was seen.

To add a cause, add an entry to `CAUSES`. The first one whose `applies` says yes is taken, so the particular ones stand
before the general ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sac.why.evidence import Evidence

ISSUE = "https://github.com/mani-skill/ManiSkill/issues/1250"
REPRODUCIBILITY = "https://docs.pytorch.org/docs/stable/notes/randomness.html"
PYTHONHASHSEED = "https://docs.python.org/3/using/cmdline.html#envvar-PYTHONHASHSEED"
GYMNASIUM = "https://gymnasium.farama.org/api/spaces/#gymnasium.spaces.Space.seed"


@dataclass(frozen=True)
class Cause:
    """One entry of the catalogue.

    Attributes:
        name: its name in tests and in JSON.
        title: what is the matter, in one line.
        why: why it makes runs differ.
        fix: what to change.
        link: a known case, or the documentation, if there is any.
        applies: how it is recognised.
        at: what line is to be mended: the `event`, the `outer` event, the `source`, what `moved` the generator,
            what touched the `shared` file last, or the last event of another `thread`.
    """

    name: str
    title: str
    why: str
    fix: str
    link: str | None
    applies: Callable[[Evidence], bool]
    at: str = "event"

    @property
    def link_label(self) -> str | None:
        """What the link leads to: `known`, a thread about such a case, or `docs`."""
        if self.link is None:
            return None
        return "known" if "/issues/" in self.link else "docs"


_INDICES = ("randint", "choice", "integers", "permutation", "shuffle", "sample", "randperm", "choices", "random_")
_ENV = ("env.reset", "env.step", "vector.reset", "vector.step")


def _threads_race(evidence: Evidence) -> bool:
    """Whether the event's generator is drawn from by several threads."""
    generator = evidence.event.facts.get("generator")
    threads = {
        flow.facts.get("thread", "main")
        for trace in (evidence.a, evidence.b)
        for flow in trace.flows
        if flow.kind == "draw" and flow.facts.get("generator") == generator
    }
    # An object of its own for each thread is called alike.
    return evidence.event.kind == "draw" and evidence.is_global() and len(threads) > 1 and evidence.draws(seeded=True)


def _pool_race(evidence: Evidence) -> bool:
    """Whether what a pool's worker draws depends on the tasks that it had before."""
    worker = evidence.a.pool or evidence.b.pool
    return (
        worker
        and evidence.draws(seeded=True)
        and ("generator" in evidence.parting.event.inputs or evidence.parting.control)
    )


def _one_ended(evidence: Evidence) -> bool:
    """Whether one run did nothing more, where the other one went on."""
    alone = evidence.parting.alone
    if not evidence.parting.control or not alone:
        return False
    keys = [{flow.key for flow in trace.flows} for trace in (evidence.a, evidence.b)]
    own, other = (0, 1) if alone[0].key in keys[0] else (1, 0)
    later = (evidence.a, evidence.b)[own].flows
    return not any(flow.number > alone[0].number and flow.key in keys[other] for flow in later)


def _draws_indices(evidence: Evidence) -> bool:
    return evidence.event.name.rsplit(".", 1)[-1] in _INDICES


def _unseeded_reset(evidence: Evidence) -> bool:
    within = evidence.outer.kind in _ENV and evidence.outer.number != evidence.event.number
    return within and evidence.draws(seeded=False) and not evidence.seeded_later()


def _dropout(evidence: Evidence) -> bool:
    facts = evidence.event.facts
    return evidence.event.kind == "module.forward" and bool(facts.get("dropout")) and not facts.get("grad")


def _arithmetic(evidence: Evidence) -> bool:
    return evidence.event.kind in ("module.forward", "optimizer.step") and evidence.parting.inputs_equal


CAUSES: tuple[Cause, ...] = (
    Cause(
        "shared-file",
        "the two runs share a file, and one can have disturbed the other by it",
        "`sac why` runs the command twice at once, in one folder: a run finds there what the other one has made. What "
        "parts them then may not be the script's doing.",
        "Give each run its own place: `{run}` in the command stands for 1 and 2, as in `--out runs/{run}`; or take the "
        "number from `os.environ['SAC_WHY_RUN']` in the script.",
        None,
        lambda evidence: evidence.shared is not None,
        "shared",
    ),
    Cause(
        "unseeded-space",
        "a space is sampled that nobody has seeded",
        "A gymnasium space has a generator of its own and seeds it from the operating system's entropy. No global "
        "seed and no `reset(seed=...)` reaches it.",
        "Seed it before the first sample: `envs.action_space.seed(seed)`; or draw from a generator that is seeded.",
        ISSUE,
        lambda evidence: evidence.event.kind == "space.sample" and not evidence.event.facts.get("seeded", True),
    ),
    Cause(
        "one-run-ended",
        "one run ended where the other one went on",
        "One run met an exception, a signal, or a limit of time or memory; or the length of a loop is not fixed.",
        "The notes say how each run ended. Look at what decides there whether the script goes on.",
        REPRODUCIBILITY,
        _one_ended,
    ),
    Cause(
        "pool-race",
        "tasks of a pool draw from a generator that lives in the worker",
        "Which worker gets which task is a race, and so is what the tasks before it have drawn there.",
        "Make a generator within each task, from your seed and the task's number.",
        "https://numpy.org/doc/stable/reference/random/parallel.html",
        _pool_race,
    ),
    Cause(
        "thread-race",
        "several threads draw from one generator",
        "Which thread draws first is a race, and whoever comes second gets the next number.",
        "Give each thread a generator of its own, made from your seed and the thread's number.",
        "https://numpy.org/doc/stable/reference/random/multithreading.html",
        _threads_race,
    ),
    Cause(
        "consumed-elsewhere",
        "the same generator was used by code that only one of the runs executed",
        "Whoever draws from a shared generator moves it on for everybody after: evaluation, logging or a longer "
        "episode changes what training draws.",
        "Give each consumer its own generator; or save the generator's state before, and restore it after.",
        ISSUE,
        lambda evidence: evidence.moved_by() is not None,
        "moved",
    ),
    Cause(
        "thread-count",
        "the two runs computed with different numbers of threads",
        "A sum that is cut into another number of parts is rounded in other places.",
        "Fix the number: `torch.set_num_threads(n)`, or OMP_NUM_THREADS and MKL_NUM_THREADS in the environment.",
        REPRODUCIBILITY,
        lambda evidence: evidence.threads()[0] != evidence.threads()[1] and _arithmetic(evidence),
    ),
    Cause(
        "seed-from-clock",
        "a seed is taken from the clock",
        "Every run starts at another time.",
        "Take the seed from the command line, with a fixed default, and write it down.",
        REPRODUCIBILITY,
        lambda evidence: evidence.event.kind == "seed" and evidence.source_is("clock"),
        "source",
    ),
    Cause(
        "seed-from-pid",
        "a seed is taken from the process id",
        "The operating system gives every process another number.",
        "Count your workers yourself, and derive their seeds from one seed and that count.",
        REPRODUCIBILITY,
        lambda evidence: evidence.event.kind == "seed" and evidence.source_is("pid"),
        "source",
    ),
    Cause(
        "seed-from-hash",
        "a seed is taken from Python's `hash()`",
        "Strings and bytes are hashed with a key that every interpreter draws anew, unless PYTHONHASHSEED is set.",
        "Use a hash that is fixed: `zlib.crc32(name.encode())`, or hashlib.",
        PYTHONHASHSEED,
        lambda evidence: evidence.event.kind == "seed" and evidence.source_is("hash"),
        "source",
    ),
    Cause(
        "seed-from-entropy",
        "a seed is drawn from the operating system's entropy",
        "Entropy is new in every process; that is what it is for.",
        "Take the seed from the command line, with a fixed default, and write it down.",
        REPRODUCIBILITY,
        lambda evidence: evidence.event.kind == "seed" and evidence.source_is("entropy"),
        "source",
    ),
    Cause(
        "seeded-too-late",
        "a global generator is drawn from before it is seeded",
        "Before it is seeded, a generator holds what the operating system's entropy gave it: what was built of that "
        "differs, whatever is seeded afterwards.",
        "Seed first, before environments and networks are made.",
        REPRODUCIBILITY,
        lambda evidence: evidence.draws(seeded=False) and evidence.is_global() and evidence.seeded_later(),
        "outer",
    ),
    Cause(
        "unseeded-reset",
        "an environment draws from a global generator that nobody has seeded",
        "Reset without a seed, an environment takes its randomness where it finds it.",
        "Give the first `reset` a seed, and let the environment draw from its own `self.np_random`.",
        ISSUE,
        _unseeded_reset,
        "outer",
    ),
    Cause(
        "dropout-in-evaluation",
        "dropout is still on where no gradient is taken",
        "A module in training mode draws a new mask at every forward, from the global generator.",
        "Call `model.eval()` before evaluating, and `model.train()` after it.",
        "https://docs.pytorch.org/docs/stable/generated/torch.nn.Dropout.html",
        _dropout,
    ),
    Cause(
        "unseeded-replay",
        "indices are drawn from a generator that nobody has seeded",
        "Every run trains on other batches.",
        "Seed it, or better: give the replay buffer a generator of its own, made from your seed.",
        REPRODUCIBILITY,
        lambda evidence: evidence.draws(seeded=False) and evidence.is_global() and _draws_indices(evidence),
    ),
    Cause(
        "unseeded-generator",
        "a generator is made without a seed",
        "`default_rng()`, `RandomState()` and `random.Random()` seed themselves from the operating system's entropy.",
        "Give the generator a seed: `default_rng(seed)`.",
        "https://numpy.org/doc/stable/reference/random/generator.html#numpy.random.default_rng",
        lambda evidence: evidence.event.kind == "draw" and evidence.source_is("entropy") and not evidence.is_global(),
        "source",
    ),
    Cause(
        "unseeded-generator",
        "a generator is drawn from that was made without a seed",
        "`default_rng()`, `RandomState()` and `random.Random()` seed themselves from the operating system's entropy.",
        "Give the generator a seed where it is made: `default_rng(seed)`.",
        "https://numpy.org/doc/stable/reference/random/generator.html#numpy.random.default_rng",
        lambda evidence: evidence.draws(seeded=False) and not evidence.is_global(),
    ),
    Cause(
        "unseeded-global",
        "a global generator is drawn from that nobody has seeded",
        "A library seeds its global generator from entropy, unless the script does it. Each has its own: seeding torch "
        "seeds neither NumPy's nor that of `random`.",
        "Seed all three at the start: `random.seed(s)`, `numpy.random.seed(s)`, `torch.manual_seed(s)`.",
        REPRODUCIBILITY,
        lambda evidence: evidence.draws(seeded=False) and evidence.is_global(),
    ),
    Cause(
        "set-order",
        "the order of a set decides",
        "The order of a set of strings depends on their hashes, and those on a key that every interpreter draws anew.",
        "Iterate over `sorted(...)`, or keep the names in a list or in the keys of a dict.",
        PYTHONHASHSEED,
        lambda evidence: evidence.source_is("set-order"),
        "source",
    ),
    Cause(
        "listing-order",
        "the order of a directory listing decides",
        "`os.listdir`, `os.scandir` and `glob` give names in the order of the file system, which is nobody's promise.",
        "Sort it: `sorted(os.listdir(folder))`.",
        "https://docs.python.org/3/library/os.html#os.listdir",
        lambda evidence: evidence.source_is("listing"),
        "source",
    ),
    Cause(
        "completion-order",
        "results are used in the order in which workers finish",
        "Which worker is first depends on the load of the machine.",
        "Ask for them in the order of submission: `executor.map`, `pool.imap`, or wait for each future in turn. Of a "
        "queue, take a whole round and sort it by worker and step, or give each worker a queue of its own.",
        "https://docs.python.org/3/library/concurrent.futures.html#concurrent.futures.as_completed",
        lambda evidence: evidence.source_is("completion"),
        "source",
    ),
    Cause(
        "id-order",
        "addresses of objects decide",
        "`id()` is an address in memory, and the system places memory differently in every process.",
        "Use a key of your own: a name, or the position in a list.",
        "https://docs.python.org/3/library/functions.html#id",
        lambda evidence: evidence.source_is("id"),
        "source",
    ),
    Cause(
        "hash-value",
        "a value is made of Python's `hash()`",
        "Strings and bytes are hashed with a key that every interpreter draws anew, unless PYTHONHASHSEED is set.",
        "Use a hash that is fixed: `zlib.crc32(name.encode())`, or hashlib.",
        PYTHONHASHSEED,
        lambda evidence: evidence.source_is("hash"),
        "source",
    ),
    Cause(
        "uninitialised",
        "memory is read that nobody has written",
        "`torch.empty` gives memory as it is: whatever was there before.",
        "Use `torch.zeros`, or write all of it before it is read.",
        "https://docs.pytorch.org/docs/stable/deterministic.html",
        lambda evidence: evidence.source_is("uninitialised"),
        "source",
    ),
    Cause(
        "clock-value",
        "a value is made of the clock",
        "Every run starts at another time and takes another time.",
        "Count steps, not seconds, wherever the result depends on it.",
        REPRODUCIBILITY,
        lambda evidence: evidence.source_is("clock"),
        "source",
    ),
    Cause(
        "entropy-value",
        "a value is drawn from the operating system's entropy",
        "Entropy is new in every process; that is what it is for.",
        "Draw from a generator that you have seeded.",
        REPRODUCIBILITY,
        lambda evidence: evidence.source_is("entropy", "pid"),
        "source",
    ),
    Cause(
        "arithmetic",
        "the same computation on the same inputs was rounded differently",
        "A kernel may sum in no fixed order (atomic additions on a GPU); another library, CPU or thread count rounds "
        "otherwise too.",
        "`torch.use_deterministic_algorithms(True)`; `sac why --deep` names the operator.",
        REPRODUCIBILITY,
        _arithmetic,
    ),
    Cause(
        "thread-order",
        "several threads were at work, and probably the order in which they came decides",
        "This is a guess: the inputs differ, no source that is traced explains it, and other threads than the main one "
        "had events before. What they append to a list, or change, has the order in which they happened to run.",
        "Keep what each thread makes apart, and join it in a fixed order: by the thread's number, then by step.",
        None,
        lambda evidence: not evidence.parting.inputs_equal and evidence.thread_event() is not None,
        "thread",
    ),
)

UNKNOWN = Cause(
    "unknown",
    "the catalogue has no entry for this",
    "The evidence is below. If the inputs differ already, the difference was made between the last equal event and "
    "this one, by code that isn't traced.",
    "Look at what runs between those two lines; `sac why --deep` shows the operations of torch there.",
    None,
    lambda evidence: True,
)


def recognise(evidence: Evidence) -> Cause:
    """Return the first entry that applies."""
    return next((cause for cause in CAUSES if cause.applies(evidence)), UNKNOWN)
