"""Where a program's nondeterminism comes from: a row a source, the lines with the fault and without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PLANT = "  # PLANT"
"""Ends the line that must be named."""
NAMES = "{'hip', 'knee', 'ankle', 'wrist', 'elbow', 'neck', 'toe', 'thumb', 'heel', 'chin', 'palm', 'brow'}"
OF_ORDER = "value = zlib.crc32(' '.join(map(str, order)).encode()) % 1_000_003"
OF_SECONDS = "value = int(instant * 1000) * 7919 % 1_000_003"


@dataclass(frozen=True)
class Source:
    """One row. What its lines compute is an integer called `value`.

    Attributes:
        name: in the table and in tests.
        half: `tune` or `report`.
        cause: its name in the catalogue; empty for what can't be faulty.
        faulty: its lines; one of them is planted.
        clean: the same with the fault taken out.
        imports: modules that they need.
        seed_cause: its name where the value is first used as a seed, if that is another.
        torch: whether it needs torch.
        draws: library whose global generator it draws from unseeded; empty for none.
    """

    name: str
    half: str
    cause: str
    faulty: tuple[str, ...]
    clean: tuple[str, ...]
    imports: tuple[str, ...] = ()
    seed_cause: str = ""
    torch: bool = False
    draws: str = ""


def of_rows(
    half: str,
    name: str,
    cause: str,
    lines: tuple[str, ...],
    instead: dict[int, str],
    imports: str,
    seed: str = "",
    **more: Any,
) -> Source:
    """Return a source of several lines, of which some are others where the fault is taken out.

    Args:
        half: `tune` or `report`.
        name: of the row.
        cause: its name in the catalogue.
        lines: with the fault; the first of `instead` is the one that is planted.
        instead: number of a line -> what stands there without the fault.
        imports: modules that the lines need.
        seed: name of the cause where the value is used as a seed.
        more: fields of the row.
    """
    plant = next(iter(instead))
    faulty = tuple(line + PLANT * (number == plant) for number, line in enumerate(lines))
    clean = tuple(instead.get(number, line) for number, line in enumerate(lines))
    return Source(name, half, cause, faulty, clean, tuple(imports.split()), seed, **more)


def innocent(half: str, name: str, lines: tuple[str, ...], imports: str, torch: bool = False) -> Source:
    """Return a source that looks guilty and isn't."""
    return Source(name, half, "", (), lines, tuple(imports.split()), torch=torch)


def _line(
    name: str, half: str, cause: str, fault: str, instead: str, after: str, imports: str, seed: str = ""
) -> Source:
    """Return a source of one line, and one line more that makes an integer of it."""
    return Source(name, half, cause, (fault + PLANT, after), (instead, after), tuple(imports.split()), seed)


def _clock(name: str, half: str, read: str, imports: str, instead: str = "1000.5") -> Source:
    fault, clean = f"instant = {read}", f"instant = {instead}"
    return _line(name, half, "clock-value", fault, clean, OF_SECONDS, imports, "seed-from-clock")


def _entropy(name: str, half: str, read: str, imports: str) -> Source:
    after = "value = number % 1_000_003"
    return _line(name, half, "entropy-value", f"number = {read}", "number = 12345", after, imports, "seed-from-entropy")


def _pid(name: str, half: str, read: str, imports: str) -> Source:
    after = "value = number * 7919 % 1_000_003"
    return _line(name, half, "entropy-value", f"number = {read}", "number = 12345", after, imports, "seed-from-pid")


def _hash(name: str, half: str, hashed: str, instead: str) -> Source:
    after = "value = abs(number) % 1_000_003"
    return _line(
        name, half, "hash-value", f"number = hash({hashed})", f"number = {instead}", after, "zlib", "seed-from-hash"
    )


def _generator(name: str, half: str, made: str, seeded: str, draw: str, imports: str) -> Source:
    return _line(name, half, "unseeded-generator", f"rng = {made}", f"rng = {seeded}", f"value = {draw}", imports)


def _global(name: str, half: str, seeded: str, draw: str, imports: str, torch: bool = False) -> Source:
    fault, clean = (f"value = {draw}{PLANT}",), (seeded, f"value = {draw}")
    return Source(name, half, "unseeded-global", fault, clean, tuple(imports.split()), torch=torch, draws=imports)


def _set(name: str, half: str, fault: str, instead: str, after: str = OF_ORDER) -> Source:
    names = f"names = {NAMES}"
    return Source(name, half, "set-order", (names, fault + PLANT, after), (names, instead, after), ("zlib",))


def _listing(name: str, half: str, fault: str, instead: str, imports: str) -> Source:
    return _line(name, half, "listing-order", fault, instead, OF_ORDER, f"zlib {imports}")


_WORK = (
    "def work(number):",
    "    late = number if int(os.environ.get('PYTHONHASHSEED', 1)) % 2 else 3 - number",
    "    time.sleep(0.1 * late)",
    "    return number",
)


def _completion(name: str, half: str, start: str, fault: str, instead: str, imports: str) -> Source:
    after = "    " + OF_ORDER
    with_pool = f"with {start} as pool:"
    faulty, clean = ((*_WORK, with_pool, f"    {line}", after) for line in (fault + PLANT, instead))
    return Source(name, half, "completion-order", faulty, clean, ("os", "time", "zlib", *imports.split()))


def _late_seed(name: str, half: str, seed: str, draw: str, imports: str) -> Source:
    return _line(
        name, half, "seed-from-entropy", f"{seed}()", f"{seed}(1)", f"value = {draw}", imports, "seed-from-entropy"
    )


_FUTURES = "[pool.submit(work, number) for number in range(4)]"

TUNED = (
    _global("random", "tune", "random.seed(1)", "random.randrange(1_000_003)", "random"),
    _global("NumPy's legacy", "tune", "np.random.seed(1)", "int(np.random.randint(1_000_003))", "numpy"),
    _global("random.shuffle", "tune", "random.seed(1)", "random.sample(range(1_000_003), 3)[0]", "random"),
    _global("NumPy's normal", "tune", "np.random.seed(1)", "int(1e5 * abs(np.random.normal()))", "numpy"),
    _generator(
        *("default_rng", "tune", "np.random.default_rng()", "np.random.default_rng(1)"),
        *("int(rng.integers(1_000_003))", "numpy"),
    ),
    _generator(
        *("PCG64", "tune", "np.random.Generator(np.random.PCG64())", "np.random.Generator(np.random.PCG64(1))"),
        *("int(rng.integers(1_000_003))", "numpy"),
    ),
    _generator(
        *("RandomState", "tune", "np.random.RandomState()", "np.random.RandomState(1)"),
        *("int(rng.randint(1_000_003))", "numpy"),
    ),
    _generator(
        *("random.Random", "tune", "random.Random()", "random.Random(1)", "rng.randrange(1_000_003)", "random"),
    ),
    _late_seed("random.seed()", "tune", "random.seed", "random.randrange(1_000_003)", "random"),
    _late_seed("np.random.seed()", "tune", "np.random.seed", "int(np.random.randint(1_000_003))", "numpy"),
    _clock("time.time", "tune", "time.time()", "time"),
    _clock("time.time_ns", "tune", "time.time_ns() / 1e9", "time"),
    _clock("perf_counter", "tune", "time.perf_counter()", "time"),
    _clock("datetime", "tune", "datetime.datetime.now().timestamp()", "datetime"),
    _clock("datetime of today", "tune", "datetime.datetime.today().timestamp()", "datetime"),
    _pid("getpid", "tune", "os.getpid()", "os"),
    _pid("current_process", "tune", "multiprocessing.current_process().pid", "multiprocessing"),
    _entropy("urandom", "tune", "int.from_bytes(os.urandom(4), 'big')", "os"),
    _entropy("secrets", "tune", "secrets.randbelow(10**9)", "secrets"),
    _entropy("SystemRandom", "tune", "random.SystemRandom().randrange(10**9)", "random"),
    _entropy("uuid4", "tune", "uuid.uuid4().int", "uuid"),
    _hash("hash of a string", "tune", "'stack-cube'", "zlib.crc32(b'stack-cube')"),
    _hash("hash of a tuple", "tune", "('stack', 'cube')", "zlib.crc32(b'stack-cube')"),
    _line(
        *("id", "tune", "id-order", "number = id(object())", "number = 12345"),
        *("value = number // 16 * 7919 % 1_000_003", ""),
    ),
    Source(
        *("dict by id", "tune", "id-order"),
        (
            "workers = [[number] for number in range(60)]",
            f"by_id = {{id(one): one for one in workers}}{PLANT}",
            "order = [by_id[key] for key in sorted(by_id, key=lambda key: key % 10_007)]",
            OF_ORDER,
        ),
        (
            "workers = [[number] for number in range(60)]",
            "by_id = dict(enumerate(workers))",
            "order = [by_id[key] for key in sorted(by_id, key=lambda key: key % 10_007)]",
            OF_ORDER,
        ),
        ("zlib",),
    ),
    _set("a loop over a set", "tune", "order = [name.upper() for name in names]", "order = sorted(names)"),
    _set("a list of a set", "tune", "order = list(names)", "order = sorted(names)"),
    _set("pop", "tune", "order = [names.pop() for _ in range(5)]", "order = sorted(names)"),
    _set("sorted with ties", "tune", "order = sorted(names, key=len)", "order = sorted(names)"),
    _set("join", "tune", "order = [' '.join(names)]", "order = sorted(names)"),
    _set("a set as text", "tune", "order = [str(names)]", "order = sorted(names)"),
    _listing("listdir", "tune", "order = os.listdir('data')", "order = sorted(os.listdir('data'))", "os"),
    _listing("glob", "tune", "order = glob.glob('data/*.txt')", "order = sorted(glob.glob('data/*.txt'))", "glob"),
    _listing(
        *("scandir", "tune", "order = [entry.name for entry in os.scandir('data')]"),
        *("order = sorted(entry.name for entry in os.scandir('data'))", "os"),
    ),
    _listing(
        *("iterdir", "tune", "order = [path.name for path in pathlib.Path('data').iterdir()]"),
        *("order = sorted(path.name for path in pathlib.Path('data').iterdir())", "pathlib"),
    ),
    _completion(
        *("as_completed", "tune", "concurrent.futures.ThreadPoolExecutor(4)"),
        f"order = [one.result() for one in concurrent.futures.as_completed({_FUTURES})]",
        *(f"order = [one.result() for one in {_FUTURES}]", "concurrent.futures"),
    ),
    _completion(
        *("imap_unordered", "tune", "multiprocessing.pool.ThreadPool(4)"),
        *("order = list(pool.imap_unordered(work, range(4)))", "order = list(pool.imap(work, range(4)))"),
        "multiprocessing.pool",
    ),
    _global(
        *("torch's", "tune", "torch.manual_seed(1)", "int(torch.randint(1_000_003, ()))", "torch"),
        torch=True,
    ),
    Source(
        *("torch.Generator", "tune", "unseeded-generator"),
        ("rng = torch.Generator()", f"rng.seed(){PLANT}", "value = int(torch.randint(1_000_003, (), generator=rng))"),
        ("rng = torch.Generator()", "rng.manual_seed(1)", "value = int(torch.randint(1_000_003, (), generator=rng))"),
        ("torch",),
        torch=True,
    ),
)
