"""Sources that were held out once, until their failures were looked at."""

from __future__ import annotations

import functools

from tests.why.drawn.sources import NAMES, OF_ORDER, OF_SECONDS, Source, innocent, of_rows

_HALF = "tune"
rows = functools.partial(of_rows, _HALF)
_OF_NUMBER = "value = int(number) % 1_000_003"
_TASKS = "tasks = ['reach', 'push', 'pick', 'stack', 'pull', 'lift', 'turn', 'open', 'close', 'pour', 'wipe', 'fold']"


def _held(name: str, head: tuple[str, ...], made: str, seeded: str, drawn: tuple[str, ...], imports: str) -> Source:
    """Return a source whose generator is an attribute of an object."""
    lines = (*head, f"        self.rng = {made}", *drawn)
    return rows(name, "unseeded-generator", lines, {len(head): f"        self.rng = {seeded}"}, imports)


_NOISE = ("class Noise:", "    def __init__(self, scale):", "        self.scale = scale")
_OF_NOISE = (
    *("    def __call__(self, action):", "        return action + self.scale * abs(self.rng.normal())"),
    *("noise = Noise(0.1)", "value = int(1e6 * sum(noise(0.5) for _ in range(10)))"),
)
_REPLAY = ("class Replay:", "    def __init__(self, size):", "        self.items = collections.deque(maxlen=size)")
_OF_REPLAY = (
    *("    def sample(self, count):", "        return [self.items[self.rng.randrange(500)] for _ in range(count)]"),
    *("replay = Replay(500)", "replay.items.extend(range(1000))", "value = sum(replay.sample(16)) * 7919 % 1_000_003"),
)
_WRAPPER = ("class NoisyObservation(gymnasium.ObservationWrapper):", "    def __init__(self, env):")
_OF_WRAPPER = (
    *("        super().__init__(env)", "    def observation(self, observation):"),
    *("        return observation + self.rng.normal(size=observation.shape)", "env = gymnasium.make('CartPole-v1')"),
    *("observation, _ = NoisyObservation(env).reset(seed=1)", "value = int(1e6 * abs(observation).sum()) % 1_000_003"),
)
_SEEDING = ("rng, _ = gymnasium.utils.seeding.np_random()", "value = int(rng.integers(1_000_003))")
_LATE = (
    "late = number if int(os.environ.get('PYTHONHASHSEED', 1)) % 2 else 3 - number",
    "time.sleep(0.1 * late)",
)
_LATER = tuple(line.replace("time.sleep", "await asyncio.sleep") for line in _LATE)
_WORK = ("def work(number):", *(f"    {line}" for line in _LATE), "    return number")
_POOL = "with concurrent.futures.ThreadPoolExecutor(4) as pool:"
_FUTURES = "    jobs = [pool.submit(work, number) for number in range(4)]"

_GENERATORS = (
    _held("noise of a class", _NOISE, "np.random.default_rng()", "np.random.default_rng(1)", _OF_NOISE, "numpy"),
    _held("replay of a deque", _REPLAY, "random.Random()", "random.Random(1)", _OF_REPLAY, "collections random"),
    _held(
        *("wrapper of an environment", _WRAPPER, "np.random.default_rng()", "np.random.default_rng(1)", _OF_WRAPPER),
        "gymnasium numpy",
    ),
    rows(
        *("generators of a sequence", "unseeded-generator"),
        (
            "root = np.random.SeedSequence()",
            "rngs = [np.random.default_rng(child) for child in root.spawn(3)]",
            "value = sum(int(rng.integers(300_000)) for rng in rngs)",
        ),
        *({0: "root = np.random.SeedSequence(1)"}, "numpy"),
    ),
    rows(
        *("gymnasium's seeding", "unseeded-generator", _SEEDING),
        {0: "rng, _ = gymnasium.utils.seeding.np_random(1)"},
        "gymnasium gymnasium.utils.seeding",
    ),
    rows(
        *("warm-up of a space", "unseeded-space"),
        (
            "space = gymnasium.spaces.MultiDiscrete([1000, 1000])",
            "",
            "warmup = [space.sample() for _ in range(3)]",
            "value = int(sum(1000 * a + b for a, b in warmup)) % 1_000_003",
        ),
        *({2: "warmup = [space.sample() for _ in range(3)]", 1: "space.seed(1)"}, "gymnasium"),
    ),
    rows(
        *("SciPy's distribution", "unseeded-global"),
        ("", "value = int(1e6 * abs(scipy.stats.norm.rvs(size=4)).sum()) % 1_000_003"),
        {1: "value = int(1e6 * abs(scipy.stats.norm.rvs(size=4)).sum()) % 1_000_003", 0: "np.random.seed(1)"},
        *("numpy scipy.stats", ""),
        draws="numpy",
    ),
    rows(
        *("state of NumPy's", "unseeded-global"),
        ("", "value = int(np.random.get_state()[1].sum()) % 1_000_003"),
        {1: "value = int(np.random.get_state()[1].sum()) % 1_000_003", 0: "np.random.seed(1)"},
        *("numpy", ""),
        draws="numpy",
    ),
    rows(
        *("epsilon-greedy", "unseeded-global"),
        (
            "",
            "explored = [random.random() < 0.5 for _ in range(60)]",
            "value = sum(flag << place for place, flag in enumerate(explored)) % 1_000_003",
        ),
        {1: "explored = [random.random() < 0.5 for _ in range(60)]", 0: "random.seed(1)"},
        *("random", ""),
        draws="random",
    ),
)

_TORCH = (
    rows(
        *("shuffled loader", "unseeded-global"),
        (
            "",
            "loader = torch.utils.data.DataLoader(list(range(500)), batch_size=100, shuffle=True)",
            "batches = [batch.tolist() for batch in loader]",
            "value = sum(place * row for place, row in enumerate(sum(batches, []))) % 1_000_003",
        ),
        {2: "batches = [batch.tolist() for batch in loader]", 0: "torch.manual_seed(1)"},
        *("torch.utils.data", ""),
        torch=True,
        draws="torch",
    ),
    rows(
        *("torch's first seed", "unseeded-global"),
        ("", "value = torch.initial_seed() % 1_000_003"),
        {1: "value = torch.initial_seed() % 1_000_003", 0: "torch.manual_seed(1)"},
        *("torch", ""),
        torch=True,
        draws="torch",
    ),
    rows(
        *("weights before the seed", "seeded-too-late"),
        (
            "",
            "layer = torch.nn.Linear(4, 1)",
            "torch.manual_seed(1)",
            "value = int(1e6 * layer.weight.abs().sum().item())",
        ),
        {1: "layer = torch.nn.Linear(4, 1)", 0: "torch.manual_seed(1)"},
        *("torch", ""),
        torch=True,
    ),
    rows(
        *("policy's distribution", "unseeded-global"),
        (
            "",
            "policy = torch.distributions.Normal(torch.zeros(3), torch.ones(3))",
            "action = policy.sample()",
            "value = int(1e6 * action.abs().sum().item()) % 1_000_003",
        ),
        {2: "action = policy.sample()", 0: "torch.manual_seed(1)"},
        *("torch torch.distributions", ""),
        torch=True,
        draws="torch",
    ),
)

_CLOCKS = (
    rows(
        *("microseconds", "clock-value"),
        ("number = datetime.datetime.now().microsecond", "value = number * 7919 % 1_000_003"),
        *({0: "number = 1234"}, "datetime", "seed-from-clock"),
    ),
    rows(
        *("digits of the time", "clock-value"),
        ("number = time.strftime('%j%H%M%S')", _OF_NUMBER),
        *({0: "number = '001120000'"}, "time", "seed-from-clock"),
    ),
    rows(
        *("rate that falls with time", "clock-value"),
        (
            "began = time.monotonic()",
            "rate = 0.1 / (1 + time.monotonic() - began)",
            "value = int(1e13 * rate) % 1_000_003",
        ),
        *({1: "rate = 0.1"}, "time", "seed-from-clock"),
    ),
    rows(
        *("time of a process", "clock-value"),
        ("instant = time.process_time()", OF_SECONDS.replace("1000", "1e7")),
        *({0: "instant = 1000.5"}, "time", "seed-from-clock"),
    ),
    rows(
        *("timed function", "clock-value"),
        ("spent = timeit.timeit('sum(range(100))', number=50)", "value = int(spent * 1e9) % 1_000_003"),
        *({0: "spent = 0.001"}, "timeit", "seed-from-clock"),
    ),
)

_NUMBERS = (
    rows(
        *("number of a thread", "entropy-value"),
        ("number = threading.get_native_id()", "value = number * 7919 % 1_000_003"),
        *({0: "number = 12345"}, "threading", "seed-from-pid"),
    ),
    rows(
        *("hexadecimal secret", "entropy-value"),
        ("number = secrets.token_hex(4)", "value = int(number, 16) % 1_000_003"),
        *({0: "number = '3039'"}, "secrets", "seed-from-entropy"),
    ),
    rows(
        *("device of entropy", "entropy-value"),
        (
            "with open('/dev/urandom', 'rb') as file:",
            "    number = file.read(4)",
            "value = int.from_bytes(number, 'big') % 1_000_003",
        ),
        *({1: "    number = b'once'"}, "", "seed-from-entropy"),
    ),
    rows(
        *("order of random names", "entropy-value"),
        ("order = sorted(range(60), key=lambda _: uuid.uuid4().hex)", OF_ORDER),
        *({0: "order = sorted(range(60), key=lambda number: f'{number * 17 % 61}')"}, "uuid zlib"),
    ),
    rows(
        *("temporary folders", "entropy-value"),
        (
            "with tempfile.TemporaryDirectory() as root:",
            "    made = {tempfile.mkdtemp(dir=root): number for number in range(9)}",
            "order = [made[name] for name in sorted(made)]",
            OF_ORDER,
        ),
        *({1: "    made = {f'{root}/{number}': number for number in range(9)}"}, "tempfile zlib"),
    ),
    rows(
        *("hash of a configuration", "hash-value"),
        (
            *("@dataclasses.dataclass(frozen=True)", "class Task:", "    name: str", "    arms: int"),
            *("number = hash(Task('stack', 2))", "value = abs(number) % 1_000_003"),
        ),
        *({4: "number = zlib.crc32(repr(Task('stack', 2)).encode())"}, "dataclasses zlib", "seed-from-hash"),
    ),
    rows(
        *("split by hash", "hash-value"),
        (_TASKS, "order = [name for name in tasks * 5 if hash(name) % 2]", OF_ORDER),
        *({1: "order = [name for name in tasks * 5 if zlib.crc32(name.encode()) % 2]"}, "zlib"),
    ),
    rows(
        *("sorted by id", "id-order"),
        (
            "workers = [[number] * (number % 7) for number in range(600)]",
            "order = sorted(workers, key=lambda one: id(one) * 7919 % 1_000_003)",
            OF_ORDER,
        ),
        *({1: "order = sorted(workers, key=len)"}, "zlib"),
    ),
)

_ORDERS = (
    rows(
        *("vocabulary", "set-order"),
        (
            _TASKS,
            "vocabulary = {name: number for number, name in enumerate(set(tasks))}",
            "order = [vocabulary[name] for name in tasks]",
            OF_ORDER,
        ),
        *({1: "vocabulary = {name: number for number, name in enumerate(sorted(set(tasks)))}"}, "zlib"),
    ),
    rows(
        *("difference of sets", "set-order"),
        (_TASKS, "order = [name for name in set(tasks) - {'push', 'lift'}]", OF_ORDER),
        *({1: "order = [name for name in tasks if name not in {'push', 'lift'}]"}, "zlib"),
    ),
    rows(
        *("keys of a set", "set-order"),
        (f"names = {NAMES}", "order = dict.fromkeys(names)", OF_ORDER),
        *({1: "order = dict.fromkeys(sorted(names))"}, "zlib"),
    ),
    rows(
        *("longest of a set", "set-order"),
        (
            f"names = {NAMES}",
            "order = [max(names, key=lambda name: len(name) > 3), min(names, key=lambda name: len(name) > 3)]",
            OF_ORDER,
        ),
        *({1: "order = [max(names), min(names)]"}, "zlib"),
    ),
    rows(
        *("drawn from a set", "set-order"),
        (f"names = {NAMES}", "order = random.Random(1).sample(tuple(names), 6)", OF_ORDER),
        *({1: "order = random.Random(1).sample(sorted(names), 6)"}, "random zlib"),
    ),
    rows(
        *("starred set", "set-order"),
        (f"names = {NAMES}", "order = [*names, 'tail']", OF_ORDER),
        *({1: "order = [*sorted(names), 'tail']"}, "zlib"),
    ),
    rows(
        *("walk", "listing-order"),
        ("order = [name for _, _, names in os.walk('data') for name in names]", OF_ORDER),
        *({0: "order = [name for _, _, names in os.walk('data') for name in sorted(names)]"}, "os zlib"),
    ),
    rows(
        *("rglob", "listing-order"),
        ("order = [path.stem for path in pathlib.Path('.').rglob('*.txt')]", OF_ORDER),
        *({0: "order = [path.stem for path in sorted(pathlib.Path('.').rglob('*.txt'))]"}, "pathlib zlib"),
    ),
    rows(
        *("largest file", "listing-order"),
        ("order = [max(glob.iglob('data/*'), key=os.path.getsize)]", OF_ORDER),
        *({0: "order = [max(sorted(glob.iglob('data/*')), key=os.path.getsize)]"}, "glob os zlib"),
    ),
)

_RACES = (
    rows(
        *("first completed", "completion-order"),
        (
            *_WORK,
            *(_POOL, _FUTURES),
            "    done, _ = concurrent.futures.wait(jobs, return_when='FIRST_COMPLETED')",
            "    order = [one.result() for one in done]",
            OF_ORDER,
        ),
        *({6: "    done = jobs[:1]"}, "concurrent.futures os time zlib"),
    ),
    rows(
        *("callback of a pool", "completion-order"),
        (
            *_WORK,
            "order = []",
            "with multiprocessing.pool.ThreadPool(4) as pool:",
            "    jobs = [pool.apply_async(work, (number,), callback=order.append) for number in range(4)]",
            "    _ = [job.wait() for job in jobs]",
            "time.sleep(0.05)",
            OF_ORDER,
        ),
        {
            6: "    jobs = [pool.apply_async(work, (number,)) for number in range(4)]",
            7: "    order = [j.get() for j in jobs]",
        },
        "multiprocessing.pool os time zlib",
    ),
    rows(
        *("dict filled by threads", "thread-order"),
        (
            "results = {}",
            "def work(number):",
            *(f"    {line}" for line in _LATE),
            "    results[number] = number * number",
            "threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]",
            "_ = [thread.start() for thread in threads], [thread.join() for thread in threads]",
            "order = list(results.values())",
            OF_ORDER,
        ),
        {4: "    results[number] = number * number", 7: "order = [results[number] for number in range(4)]"},
        "os threading time zlib",
    ),
    rows(
        *("coroutines that append", "completion-order"),
        (
            *("async def play(number):", *(f"    {line}" for line in _LATER), "    order.append(number)"),
            *("async def collect():", "    await asyncio.gather(*map(play, range(4)))", "order = []"),
            *("asyncio.run(collect())", OF_ORDER),
        ),
        {3: "    order.append(number)", 8: OF_ORDER.replace("order", "sorted(order)")},
        "asyncio os zlib",
    ),
)

LOOKED_AT = (*_GENERATORS, *_TORCH, *_CLOCKS, *_NUMBERS, *_ORDERS, *_RACES)


WERE_INNOCENT = (
    innocent(
        _HALF,
        "results by their number",
        (
            *_WORK,
            *(_POOL, _FUTURES.replace("[pool", "{pool").replace(" for number in", ": number for number in")[:-1] + "}"),
            "    done = {jobs[one]: one.result() for one in concurrent.futures.as_completed(jobs)}",
            "order = [done[number] for number in range(4)]",
            OF_ORDER,
        ),
        "concurrent.futures os time zlib",
    ),
    innocent(
        _HALF,
        "threads with generators of their own",
        (
            "results = [0] * 4",
            "def work(number):",
            *(f"    {line}" for line in _LATE),
            "    results[number] = random.Random(number).randrange(10**6)",
            "threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]",
            "_ = [thread.start() for thread in threads], [thread.join() for thread in threads]",
            "value = sum(place * number for place, number in enumerate(results)) % 1_000_003",
        ),
        "os random threading time",
    ),
    innocent(
        _HALF,
        "sets that are only asked",
        (
            f"names, seen = {NAMES}, set()",
            "for name in ('toe', 'hip', 'tail', 'toe'):",
            "    seen.add(name)",
            "order = [name for name in ('hip', 'tail', 'brow') if name in names - seen]",
            "value = (len(names | seen) * 1009 + len(order) + len(max(names)) + sum({1, 10, 100})) % 1_000_003",
        ),
        "",
    ),
    innocent(
        _HALF,
        "hash of numbers",
        ("number = hash((3, 12345, 0.5))", "value = (number + hash(2**70)) % 1_000_003"),
        "",
    ),
    innocent(
        _HALF,
        "table by id",
        (
            "workers = [[number] for number in range(60)]",
            "places = {id(one): place for place, one in enumerate(workers)}",
            "value = sum(places[id(one)] * one[0] for one in reversed(workers)) % 1_000_003",
        ),
        "",
    ),
    innocent(
        _HALF,
        "children of a sequence",
        (
            "rngs = [np.random.default_rng(child) for child in np.random.SeedSequence(7).spawn(3)]",
            "value = sum(int(rng.integers(300_000)) for rng in rngs)",
        ),
        "numpy",
    ),
    innocent(
        _HALF,
        "deadline that is never met",
        (
            "limit, steps = time.monotonic() + 1000, 0",
            "while steps < 500 and time.monotonic() < limit:",
            "    steps += 1",
            "value = steps * 7919 % 1_000_003",
        ),
        "time",
    ),
    innocent(
        _HALF,
        "listing that is counted",
        (
            "sizes = {name: os.path.getsize(f'data/{name}') for name in os.listdir('data')}",
            "value = (len(sizes) * 1009 + sum(sizes.values()) + len(max(sizes))) % 1_000_003",
        ),
        "os",
    ),
    innocent(
        _HALF,
        "torch's generator as it is made",
        ("rng = torch.Generator()", "value = int(torch.randperm(1009, generator=rng)[0])"),
        "torch",
        torch=True,
    ),
)
