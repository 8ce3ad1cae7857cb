"""Sources that were held out after the first ones, and are looked at too."""

from __future__ import annotations

import functools

from tests.why.drawn.sources import NAMES, OF_ORDER, innocent, of_rows

_HALF = "tune"
_rows = functools.partial(of_rows, _HALF)
_TASKS = "tasks = ['reach', 'push', 'pick', 'stack', 'pull', 'lift', 'turn', 'open', 'close', 'pour', 'wipe', 'fold']"
_LATE = "late = number if int(os.environ.get('SAC_WHY_RUN', '1').rpartition('-')[2]) % 2 else 3 - number"
_WORK = ("def work(number):", f"    {_LATE}", "    time.sleep(0.1 * late)", "    return number")

_GENERATORS = (
    _rows(
        *("spawned generator", "unseeded-generator"),
        ("root = np.random.default_rng()", "_, rng = root.spawn(2)", "value = int(rng.integers(1_000_003))"),
        *({0: "root = np.random.default_rng(1)"}, "numpy"),
    ),
    _rows(
        *("raw bits", "unseeded-generator"),
        ("bits = np.random.PCG64()", "value = int(bits.random_raw() % 1_000_003)"),
        *({0: "bits = np.random.PCG64(1)"}, "numpy"),
    ),
    _rows(
        *("seed that may be None", "unseeded-generator"),
        ("seed = {}.get('seed')", "rng = np.random.RandomState(seed)", "value = int(rng.permutation(100_003)[0])"),
        *({1: "rng = np.random.RandomState(seed or 1)"}, "numpy"),
    ),
    _rows(
        *("class of a generator", "unseeded-generator"),
        (
            "class Dice(random.Random):",
            "    def roll(self):",
            "        return self.randrange(1_000_003)",
            "dice = Dice()",
            "value = dice.roll()",
        ),
        *({3: "dice = Dice(1)"}, "random"),
    ),
    _rows(
        *("space of a dict", "unseeded-space"),
        (
            "space = gymnasium.spaces.Dict(arm=gymnasium.spaces.Discrete(1000), hand=gymnasium.spaces.Discrete(1000))",
            "",
            "drawn = space.sample()",
            "value = int(drawn['arm']) * 1000 + int(drawn['hand'])",
        ),
        *({2: "drawn = space.sample()", 1: "space.seed(1)"}, "gymnasium"),
    ),
    _rows(
        *("augmentation", "unseeded-global"),
        (
            "",
            "flips = [name[::-1] if random.getrandbits(1) else name for name in ('hip', 'knee', 'toe') * 8]",
            "value = zlib.crc32(' '.join(flips).encode()) % 1_000_003",
        ),
        {
            1: "flips = [name[::-1] if random.getrandbits(1) else name for name in ('hip', 'knee', 'toe') * 8]",
            0: "random.seed(1)",
        },
        *("random zlib", ""),
        draws="random",
    ),
    _rows(
        *("shuffled in place", "unseeded-global"),
        ("order = list(range(200))", "", "np.random.shuffle(order)", "value = order[0] * 200 + order[1]"),
        *({2: "np.random.shuffle(order)", 1: "np.random.seed(1)"}, "numpy", ""),
        draws="numpy",
    ),
)

_TORCH = (
    _rows(
        *("random split", "unseeded-global"),
        (
            "",
            "parts = torch.utils.data.random_split(range(1000), [500, 500])",
            "value = sum(place * row for place, row in enumerate(parts[0].indices)) % 1_000_003",
        ),
        {1: "parts = torch.utils.data.random_split(range(1000), [500, 500])", 0: "torch.manual_seed(1)"},
        *("torch.utils.data", ""),
        torch=True,
        draws="torch",
    ),
    _rows(
        *("filled at random", "unseeded-global"),
        (
            "weights = torch.zeros(4, 4)",
            "",
            "torch.nn.init.kaiming_uniform_(weights)",
            "value = int(1e6 * weights.abs().sum())",
        ),
        *({2: "torch.nn.init.kaiming_uniform_(weights)", 1: "torch.manual_seed(1)"}, "torch", ""),
        torch=True,
        draws="torch",
    ),
    _rows(
        *("weighted sampler", "unseeded-global"),
        (
            "",
            "sampler = torch.utils.data.WeightedRandomSampler([0.1, 0.9, 0.5, 0.7], 60)",
            "rows = list(sampler)",
            "value = sum(place * row for place, row in enumerate(rows)) * 7919 % 1_000_003",
        ),
        {2: "rows = list(sampler)", 0: "torch.manual_seed(1)"},
        *("torch.utils.data", ""),
        torch=True,
        draws="torch",
    ),
)

_OUTSIDE = (
    _rows(
        *("day of the year", "clock-value"),
        ("now = time.localtime()", "value = now.tm_yday * 86_400 + now.tm_sec"),
        *({0: "now = time.gmtime(1000)"}, "time", "seed-from-clock"),
    ),
    _rows(
        *("today's date", "clock-value"),
        ("number = datetime.date.today().toordinal()", "value = number * 7919 % 1_000_003"),
        *({0: "number = 738_000"}, "datetime", "seed-from-clock"),
    ),
    _rows(
        *("steps in a time", "clock-value"),
        (
            "steps, end = 0, time.perf_counter() + 0.02",
            "while time.perf_counter() < end:",
            "    steps += 1",
            "value = steps * 7919 % 1_000_003",
        ),
        *({1: "while steps < 500:"}, "time", "seed-from-clock"),
    ),
    _rows(
        *("session of the system", "entropy-value"),
        ("number = os.getsid(0)", "value = number * 7919 % 1_000_003"),
        *({0: "number = 12345"}, "os", "seed-from-pid"),
    ),
    _rows(
        *("port of a socket", "entropy-value"),
        (
            "with socket.socket() as server:",
            "    server.bind(('127.0.0.1', 0))",
            "    number = server.getsockname()[1]",
            "value = number * 7919 % 1_000_003",
        ),
        *({2: "    number = 12345"}, "socket", "seed-from-entropy"),
    ),
    _rows(
        *("address in a text", "id-order"),
        ("number = int(repr(object()).split('0x')[1][:-1], 16)", "value = number // 16 * 7919 % 1_000_003"),
        *({0: "number = 12345"}, ""),
    ),
    _rows(
        *("chosen by entropy", "entropy-value"),
        (_TASKS, "order = [secrets.choice(tasks) for _ in range(9)]", OF_ORDER),
        *({1: "order = [tasks[number % 5] for number in range(9)]"}, "secrets zlib", "seed-from-entropy"),
    ),
    _rows(
        *("shuffled by entropy", "entropy-value"),
        (_TASKS, "random.SystemRandom().shuffle(tasks)", "order = tasks", OF_ORDER),
        *({1: "random.Random(1).shuffle(tasks)"}, "random zlib", "seed-from-entropy"),
    ),
    _rows(
        *("bucket of a name", "hash-value"),
        (_TASKS, "buckets = [hash(name) % 16 for name in tasks]", "order = buckets", OF_ORDER),
        *({1: "buckets = [zlib.crc32(name.encode()) % 16 for name in tasks]"}, "zlib", "seed-from-hash"),
    ),
)

_ORDERS = (
    _rows(
        *("most common", "set-order"),
        (f"names = {NAMES}", "order = [name for name, _ in collections.Counter(names).most_common(5)]", OF_ORDER),
        *({1: "order = sorted(names)[:5]"}, "collections zlib"),
    ),
    _rows(
        *("set in a JSON text", "set-order"),
        (f"names = {NAMES}", "order = [json.dumps({'names': names}, default=list)]", OF_ORDER),
        *({1: "order = [json.dumps({'names': sorted(names)})]"}, "json zlib"),
    ),
    _rows(
        *("first of two sets", "set-order"),
        (
            f"names = {NAMES}",
            "order = [next(iter(names - {one})) + next(iter({'hip', 'toe', 'chin'} | {one})) for one in sorted(names)]",
            OF_ORDER,
        ),
        *(
            {1: "order = [min(names - {one}) + min({'hip', 'toe', 'chin'} | {one}) for one in sorted(names)]"},
            "zlib",
        ),
    ),
    _rows(
        *("keys in common", "set-order"),
        (
            _TASKS,
            "left, right = dict.fromkeys(tasks, 1), dict.fromkeys(tasks[2:], 2)",
            "order = [left[name] + right[name] + len(name) for name in left.keys() & right.keys()]",
            OF_ORDER,
        ),
        *({2: "order = [left[name] + right[name] + len(name) for name in left if name in right]"}, "zlib"),
    ),
    _rows(
        *("set of types", "set-order"),
        (
            "kinds = {type(f'Task{number}', (), {}) for number in range(40)}",
            "order = [kind.__name__ for kind in kinds]",
            OF_ORDER,
        ),
        *({1: "order = sorted(kind.__name__ for kind in kinds)"}, "zlib"),
    ),
    _rows(
        *("files by size", "listing-order"),
        ("order = [entry.name for entry in sorted(os.scandir('data'), key=lambda one: one.stat().st_size)]", OF_ORDER),
        *({0: "order = sorted(entry.name for entry in os.scandir('data'))"}, "os zlib"),
    ),
    _rows(
        *("first file", "listing-order"),
        ("order = [next(pathlib.Path('data').glob('*')).name]", OF_ORDER),
        *({0: "order = [min(pathlib.Path('data').glob('*')).name]"}, "pathlib zlib"),
    ),
    _rows(
        *("archive of a folder", "listing-order"),
        (
            "memory = io.BytesIO()",
            "with zipfile.ZipFile(memory, 'w') as archive:",
            "    for name in os.listdir('data'):",
            "        archive.write(f'data/{name}', name)",
            "order = zipfile.ZipFile(memory).namelist()",
            OF_ORDER,
        ),
        *({2: "    for name in sorted(os.listdir('data')):"}, "io os zipfile zlib"),
    ),
)

_RACES = (
    _rows(
        *("list that tasks fill", "thread-order"),
        (
            "order = []",
            "def work(number):",
            f"    {_LATE}",
            "    time.sleep(0.1 * late)",
            "    order.append(number)",
            "with concurrent.futures.ThreadPoolExecutor(4) as pool:",
            "    _ = list(pool.map(work, range(4)))",
            OF_ORDER,
        ),
        {4: "    order.append(number)", 7: OF_ORDER.replace("order", "sorted(order)")},
        "concurrent.futures os time zlib",
    ),
    _rows(
        *("last of the threads", "thread-order"),
        (
            "class Best:",
            "    number = 0",
            "def work(number):",
            f"    {_LATE}",
            "    time.sleep(0.1 * late)",
            "    Best.number = number",
            "threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]",
            "_ = [thread.start() for thread in threads], [thread.join() for thread in threads]",
            "value = Best.number * 7919",
        ),
        {5: "    Best.number = max(Best.number, number)"},
        "os threading time",
    ),
    _rows(
        *("queue of results", "completion-order"),
        (
            *("results = queue.Queue()", "def work(number):", f"    {_LATE}", "    time.sleep(0.1 * late)"),
            "    results.put(number)",
            "for number in range(4):",
            "    threading.Thread(target=work, args=(number,)).start()",
            "order = [results.get() for _ in range(4)]",
            OF_ORDER,
        ),
        *({7: "order = sorted(results.get() for _ in range(4))"}, "os queue threading time zlib"),
    ),
    _rows(
        *("callback of a future", "completion-order"),
        (
            *(*_WORK, "order = []", "with concurrent.futures.ThreadPoolExecutor(4) as pool:"),
            "    for number in range(4):",
            "        pool.submit(work, number).add_done_callback(lambda job: order.append(job.result()))",
            OF_ORDER,
        ),
        {
            7: "        pool.submit(work, number).add_done_callback(lambda job: order.append(job.result()))",
            8: OF_ORDER.replace("order", "sorted(order)"),
        },
        "concurrent.futures os time zlib",
    ),
)

HELD_OUT = (*_GENERATORS, *_TORCH, *_OUTSIDE, *_ORDERS, *_RACES)

INNOCENT = (
    innocent(
        _HALF,
        "callbacks that count",
        (
            *(*_WORK, "done = collections.Counter()", "with concurrent.futures.ThreadPoolExecutor(4) as pool:"),
            "    for number in range(4):",
            "        pool.submit(work, number).add_done_callback(lambda job: done.update([job.result()]))",
            "value = sum(place * count for place, count in done.items()) * 7919",
        ),
        "collections concurrent.futures os time",
    ),
    innocent(
        _HALF,
        "state that is put back",
        (
            "state = random.getstate()",
            "random.random()",
            "random.setstate(state)",
            "value = random.Random(1).randrange(1_000_003)",
        ),
        "random",
    ),
    innocent(
        _HALF,
        "waited for all",
        (
            *(*_WORK, "with concurrent.futures.ThreadPoolExecutor(4) as pool:"),
            "    jobs = [pool.submit(work, number) for number in range(4)]",
            "    done, _ = concurrent.futures.wait(jobs)",
            "value = sum(job.result() for job in done) * 7919",
        ),
        "concurrent.futures os time",
    ),
    innocent(
        _HALF,
        "temporary file by its name",
        (
            "with tempfile.TemporaryDirectory() as root:",
            "    handle, path = tempfile.mkstemp(dir=root)",
            "    os.close(handle)",
            "    value = len(os.listdir(root)) * 7919 + os.path.exists(path)",
        ),
        "os tempfile",
    ),
    innocent(
        _HALF,
        "port that is only used",
        (
            "with socket.socket() as server:",
            "    server.bind(('127.0.0.1', 0))",
            "    value = 7919 + (server.getsockname()[1] > 0)",
        ),
        "socket",
    ),
    innocent(
        _HALF,
        "table by names of threads",
        (
            "seen = {}",
            "def work(number):",
            "    seen[threading.get_ident()] = number",
            "thread = threading.Thread(target=work, args=(5,))",
            "thread.start()",
            "thread.join()",
            "value = sum(seen.values()) * 7919",
        ),
        "threading",
    ),
)
