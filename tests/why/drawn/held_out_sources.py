"""Sources of the half that is held out: what training scripts have, and nothing was tuned on."""

from __future__ import annotations

import functools

from tests.why.drawn.sources import NAMES, OF_ORDER, OF_SECONDS, of_rows

_HALF = "report"
rows = functools.partial(of_rows, _HALF)
LATE = "late = number if int(os.environ.get('SAC_WHY_RUN', '1').rpartition('-')[2]) % 2 else 3 - number"
_OF_NUMBER = "value = number * 7919 % 1_000_003"
_TASKS = "tasks = ('reach', 'push', 'pick', 'stack', 'pull', 'lift', 'turn', 'open')"
_WORKER = ("class Worker:", "    def __init__(self, number):", "        self.number = number")
_THREADS = (
    "threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]",
    "_ = [thread.start() for thread in threads], [thread.join() for thread in threads]",
)

_GENERATORS = (
    rows(
        *("generator of a dataclass", "unseeded-generator"),
        (
            *("@dataclasses.dataclass", "class Agent:", "    name: str = 'arm'"),
            "    rng: np.random.Generator = dataclasses.field(default_factory=lambda: np.random.default_rng())",
            "value = int(Agent().rng.integers(1_000_003))",
        ),
        {3: "    rng: np.random.Generator = dataclasses.field(default_factory=lambda: np.random.default_rng(1))"},
        "dataclasses numpy",
    ),
    rows(
        *("generator of a class", "unseeded-generator"),
        (
            *("class Explorer:", "    dice = random.Random()"),
            *("    def explore(self):", "        return self.dice.choice(range(1_000_003))"),
            "value = Explorer().explore()",
        ),
        *({1: "    dice = random.Random(1)"}, "random"),
    ),
    rows(
        *("generator of an argument", "unseeded-generator"),
        (
            "def act(scale, rng=np.random.default_rng()):",
            "    return abs(rng.normal()) * scale",
            "value = int(act(1e5)) % 1_000_003",
        ),
        *({0: "def act(scale, rng=np.random.default_rng(1)):"}, "numpy"),
    ),
    rows(
        *("Mersenne Twister", "unseeded-generator"),
        (
            "bits = np.random.MT19937()",
            "rng = np.random.RandomState(bits)",
            "value = int(rng.choice(1_000_003))",
        ),
        *({0: "bits = np.random.MT19937(1)"}, "numpy"),
    ),
    rows(
        *("jumps of a generator", "unseeded-generator"),
        (
            "bits = np.random.PCG64DXSM()",
            "rngs = [np.random.Generator(bits.jumped(jump)) for jump in range(1, 4)]",
            "value = sum(int(rng.integers(300_000)) for rng in rngs)",
        ),
        *({0: "bits = np.random.PCG64DXSM(1)"}, "numpy"),
    ),
    rows(
        *("Latin hypercube", "unseeded-generator"),
        (
            "sampler = scipy.stats.qmc.LatinHypercube(2)",
            "points = sampler.random(5)",
            "value = int(points[0, 0] * 1e6) % 1_000_003",
        ),
        *({0: "sampler = scipy.stats.qmc.LatinHypercube(2, seed=1)"}, "scipy.stats.qmc"),
    ),
    rows(
        *("environment that ignores its seed", "unseeded-generator"),
        (
            "class Reach(gymnasium.Env):",
            "    action_space = gymnasium.spaces.Discrete(2)",
            "    observation_space = gymnasium.spaces.Box(0.0, 1.0, (1,))",
            "    def reset(self, *, seed=None, options=None):",
            "",
            "        self.goal = self.np_random.uniform(size=1)",
            "        return self.goal.astype('float32'), {}",
            "env = Reach()",
            "env.reset(seed=1)",
            "value = int(env.goal[0] * 1e6) % 1_000_003",
        ),
        {5: "        self.goal = self.np_random.uniform(size=1)", 4: "        super().reset(seed=seed)"},
        "gymnasium",
    ),
    rows(
        *("noise on a reward", "unseeded-global"),
        (
            "",
            "env = gymnasium.make('CartPole-v1')",
            "noisy = gymnasium.wrappers.TransformReward(env, lambda reward: reward + np.random.normal())",
            "noisy.reset(seed=1)",
            "value = int(1e5 * abs(noisy.step(0)[1])) % 1_000_003",
        ),
        {
            2: "noisy = gymnasium.wrappers.TransformReward(env, lambda reward: reward + np.random.normal())",
            0: "np.random.seed(1)",
        },
        *("gymnasium numpy", ""),
        draws="numpy",
    ),
    rows(
        *("sparse weights", "unseeded-global"),
        (
            "",
            "weights = scipy.sparse.random(30, 30, density=0.1)",
            "value = int(1e6 * abs(weights).sum()) % 1_000_003",
        ),
        {1: "weights = scipy.sparse.random(30, 30, density=0.1)", 0: "np.random.seed(1)"},
        *("numpy scipy.sparse", ""),
        draws="numpy",
    ),
    rows(
        *("reset without a seed", "unseeded-reset"),
        (
            "env = gymnasium.make('CartPole-v1')",
            "observation, _ = env.reset()",
            "value = int(1e6 * abs(observation).sum()) % 1_000_003",
        ),
        *({1: "observation, _ = env.reset(seed=1)"}, "gymnasium"),
    ),
    rows(
        *("environments without a seed", "unseeded-reset"),
        (
            "envs = gymnasium.vector.SyncVectorEnv([lambda: gymnasium.make('MountainCar-v0')] * 2)",
            "states = envs.reset()[0]",
            "value = int(1e6 * abs(states).sum()) % 1_000_003",
        ),
        *({1: "states = envs.reset(seed=1)[0]"}, "gymnasium"),
    ),
    rows(
        *("actions of an environment", "unseeded-space"),
        (
            *("env = gymnasium.make('Pendulum-v1')", "env.reset(seed=1)", ""),
            *("action = env.action_space.sample()", "value = int(abs(float(action[0])) * 1e5)"),
        ),
        {3: "action = env.action_space.sample()", 2: "env.action_space.seed(1)"},
        "gymnasium",
    ),
)

_TORCH = (
    rows(
        *("hard choices of Gumbel", "unseeded-global"),
        (
            "",
            "hard = torch.nn.functional.gumbel_softmax(torch.zeros(20, 8), hard=True)",
            "value = int(''.join(map(str, hard.argmax(1).tolist())), 8) % 1_000_003",
        ),
        {1: "hard = torch.nn.functional.gumbel_softmax(torch.zeros(20, 8), hard=True)", 0: "torch.manual_seed(1)"},
        *("torch", ""),
        torch=True,
        draws="torch",
    ),
    rows(
        *("noise in place", "unseeded-global"),
        (
            "actions = torch.zeros(6)",
            "",
            "actions.uniform_(-1, 1).clamp_(-0.9, 0.9)",
            "value = int(1e5 * actions.abs().sum()) % 1_000_003",
        ),
        *({2: "actions.uniform_(-1, 1).clamp_(-0.9, 0.9)", 1: "torch.manual_seed(1)"}, "torch", ""),
        torch=True,
        draws="torch",
    ),
    rows(
        *("workers of a loader", "unseeded-global"),
        (
            *("class Demos(torch.utils.data.Dataset):", "    def __len__(self):", "        return 8"),
            *("    def __getitem__(self, place):", "        return torch.rand(()) + place", ""),
            "loader = torch.utils.data.DataLoader(Demos(), batch_size=4, num_workers=2)",
            "batches = [batch.sum().item() for batch in loader]",
            "value = int(1e5 * sum(batches)) % 1_000_003",
        ),
        {7: "batches = [batch.sum().item() for batch in loader]", 5: "torch.manual_seed(1)"},
        *("torch.utils.data", ""),
        torch=True,
        draws="torch",
    ),
    rows(
        *("buffer that is half filled", "uninitialised"),
        (
            "buffer = torch.empty(64, dtype=torch.int64)",
            "buffer[:32] = torch.arange(32)",
            "value = int(buffer.sum() % 1_000_003)",
        ),
        *({0: "buffer = torch.zeros(64, dtype=torch.int64)"}, "torch"),
        torch=True,
    ),
    rows(
        *("last return", "uninitialised"),
        (
            "returns = np.empty(16, dtype=np.int32)",
            "returns[:-1] = 1",
            "value = abs(int(returns.sum())) % 1_000_003",
        ),
        *({0: "returns = np.zeros(16, dtype=np.int32)"}, "numpy"),
    ),
)

_OUTSIDE = (
    rows(
        *("clock of the system", "clock-value"),
        ("instant = time.clock_gettime(time.CLOCK_REALTIME)", OF_SECONDS),
        *({0: "instant = 1000.5"}, "time", "seed-from-clock"),
    ),
    rows(
        *("date as text", "clock-value"),
        (
            "stamp = datetime.datetime.now(datetime.timezone.utc).isoformat()",
            "value = zlib.crc32(stamp.encode()) % 1_000_003",
        ),
        *({0: "stamp = '2024-01-01T00:00:00+00:00'"}, "datetime zlib", "seed-from-clock"),
    ),
    rows(
        *("record of a log", "clock-value"),
        ("record = logging.makeLogRecord({'msg': 'start'})", "instant = record.created", OF_SECONDS),
        *({0: "record = logging.makeLogRecord({'created': 1000.5})"}, "logging", "seed-from-clock"),
    ),
    rows(
        *("getrandom", "entropy-value"),
        ("number = os.getrandom(4)", "value = int.from_bytes(number, 'big') % 1_000_003"),
        *({0: "number = b'once'"}, "os", "seed-from-entropy"),
    ),
    rows(
        *("name of a temporary file", "entropy-value"),
        ("with tempfile.NamedTemporaryFile() as file:", "    value = zlib.crc32(file.name.encode()) % 1_000_003"),
        *({0: "with open('data/demo1.txt') as file:"}, "tempfile zlib", "seed-from-entropy"),
    ),
    rows(
        *("name of a process", "entropy-value"),
        ("name = f'{platform.node()}-{os.getpid()}'", "value = zlib.crc32(name.encode()) % 1_000_003"),
        *({0: "name = 'lab-12345'"}, "os platform zlib", "seed-from-pid"),
    ),
    rows(
        *("hash of a member", "hash-value"),
        (
            *("class Task(enum.Enum):", "    STACK = 1", "    PUSH = 2"),
            *("number = hash(Task.STACK)", "value = abs(number) % 1_000_003"),
        ),
        *({3: "number = zlib.crc32(Task.STACK.name.encode())"}, "enum zlib", "seed-from-hash"),
    ),
    rows(
        *("sorted by their texts", "id-order"),
        (
            *(*_WORKER, "workers = [Worker(number) for number in range(60)]"),
            "workers.sort(key=lambda one: zlib.crc32(repr(one).encode()))",
            *("order = [one.number for one in workers]", OF_ORDER),
        ),
        *({4: "workers.sort(key=lambda one: zlib.crc32(repr(one.number).encode()))"}, "zlib"),
    ),
    rows(
        *("rows of a database", "outside-value"),
        (
            "base = sqlite3.connect(':memory:')",
            "base.execute('create table demo (number)')",
            "base.executemany('insert into demo values (?)', [(number,) for number in range(60)])",
            "order = base.execute('select number from demo order by random()').fetchall()",
            OF_ORDER,
        ),
        *({3: "order = base.execute('select number from demo order by number').fetchall()"}, "sqlite3 zlib"),
    ),
    rows(
        *("output of date", "program-output"),
        (
            "said = subprocess.run(['date', '+%N'], capture_output=True, check=True).stdout",
            *("number = int(said)", _OF_NUMBER),
        ),
        *({0: "said = '12345'"}, "subprocess"),
    ),
)

_ORDERS = (
    rows(
        *("set of members", "set-order"),
        (
            "Task = enum.Enum('Task', 'REACH PUSH PICK STACK PULL LIFT TURN OPEN')",
            "order = [task.value for task in set(Task)]",
            OF_ORDER,
        ),
        *({1: "order = [task.value for task in Task]"}, "enum zlib"),
    ),
    rows(
        *("pairs of a set", "set-order"),
        (_TASKS, "order = list(itertools.combinations(frozenset(tasks), 2))", OF_ORDER),
        *({1: "order = list(itertools.combinations(tasks, 2))"}, "itertools zlib"),
    ),
    rows(
        *("labels of two sets", "set-order"),
        (
            "def labels(first, second):",
            "    yield from first | second",
            _TASKS,
            "order = list(labels(frozenset(tasks), {'pour', 'wipe', 'fold'}))",
            OF_ORDER,
        ),
        *({1: "    yield from sorted(first | second)"}, "zlib"),
    ),
    rows(
        *("sum of a set's weights", "set-order"),
        (
            f"names = {NAMES}",
            "places = {name: place for place, name in enumerate(sorted(names))}",
            "weights = {name: (-1) ** place * 1e16 / (3 + place // 2) + place / 7 for name, place in places.items()}",
            "total = sum(weights[name] for name in names)",
            "value = zlib.crc32(struct.pack('d', total)) % 1_000_003",
        ),
        *({3: "total = sum(weights[name] for name in sorted(names))"}, "struct zlib"),
    ),
    rows(
        *("weak set", "set-order"),
        (
            *(*_WORKER, "workers = [Worker(number) for number in range(60)]"),
            *("order = [one.number for one in weakref.WeakSet(workers)]", OF_ORDER),
        ),
        *({4: "order = [one.number for one in workers]"}, "weakref zlib"),
    ),
    rows(
        *("demonstrations as they lie", "listing-order"),
        ("order = [int(open(f'data/{name}').read()) for name in os.listdir('data')]", OF_ORDER),
        *({0: "order = [int(open(f'data/{name}').read()) for name in sorted(os.listdir('data'))]"}, "os zlib"),
    ),
    rows(
        *("filtered listing", "listing-order"),
        ("order = fnmatch.filter(os.listdir('data'), 'demo[1-6].txt')", OF_ORDER),
        *({0: "order = sorted(fnmatch.filter(os.listdir('data'), 'demo[1-6].txt'))"}, "fnmatch os zlib"),
    ),
    rows(
        *("numbers of files", "listing-order"),
        (
            "labels = {entry.name: number for number, entry in enumerate(os.scandir('data'))}",
            "order = [labels[f'demo{number}.txt'] for number in range(8)]",
            OF_ORDER,
        ),
        *({0: "labels = {name: number for number, name in enumerate(sorted(os.listdir('data')))}"}, "os zlib"),
    ),
)

_RACES = (
    rows(
        *("deque that threads fill", "thread-order"),
        (
            *("kept = collections.deque(maxlen=100)", "def work(number):", f"    {LATE}", "    time.sleep(0.1 * late)"),
            *("    kept.append(number)", *_THREADS, "order = list(kept)", OF_ORDER),
        ),
        {4: "    kept.append(number)", 7: "order = sorted(kept)"},
        "collections os threading time zlib",
    ),
    rows(
        *("generator that threads share", "thread-race"),
        (
            *("rng, drawn = random.Random(1), [0] * 4", "def work(number):", f"    {LATE}"),
            *("    time.sleep(0.1 * late)", "    drawn[number] = rng.randrange(10**6)", *_THREADS, "order = drawn"),
            OF_ORDER,
        ),
        *({4: "    drawn[number] = random.Random(number).randrange(10**6)"}, "os random threading time zlib"),
    ),
    rows(
        *("coroutines as they end", "completion-order"),
        (
            *("async def play(number):", f"    {LATE}", "    await asyncio.sleep(0.1 * late)", "    return number"),
            "async def collect():",
            "    return [await one for one in asyncio.as_completed(list(map(play, range(4))))]",
            *("order = asyncio.run(collect())", OF_ORDER),
        ),
        *({5: "    return await asyncio.gather(*map(play, range(4)))"}, "asyncio os zlib"),
    ),
)

HELD_OUT = (*_GENERATORS, *_TORCH, *_OUTSIDE, *_ORDERS, *_RACES)
