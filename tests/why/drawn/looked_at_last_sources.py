"""Sources that were held out the third time, and are looked at too."""

from __future__ import annotations

import functools

from tests.why.drawn.sources import OF_ORDER, innocent, of_rows

_HALF = "tune"
_rows = functools.partial(of_rows, _HALF)
_LATE = "late = number if int(os.environ.get('SAC_WHY_RUN', '1').rpartition('-')[2]) % 2 else 3 - number"
_JOINTS = "joints = {'hip': 3, 'knee': 1, 'ankle': 2, 'wrist': 3, 'elbow': 1, 'neck': 2}"
_BANDIT = (
    "class Bandit:",
    "    def __init__(self, arms):",
    "        self.rewards = [0.0] * arms",
    "        self.noise = random.Random()",
    "    def pull(self, arm):",
    "        self.rewards[arm] += self.noise.gauss(arm, 1)",
    "        return self.rewards[arm]",
    "bandit = Bandit(3)",
    "value = int(1e6 * abs(sum(bandit.pull(turn % 3) for turn in range(30)))) % 1_000_003",
)

HELD_OUT = (
    _rows(
        *("noise of a bandit", "unseeded-generator", _BANDIT),
        *({3: "        self.noise = random.Random(1)"}, "random"),
    ),
    _rows(
        *("generator in a dict", "unseeded-generator"),
        (
            "tools = {'rng': np.random.default_rng(), 'scale': 2}",
            "value = int(abs(tools['rng'].standard_normal()) * tools['scale'] * 1e5) % 1_000_003",
        ),
        *({0: "tools = {'rng': np.random.default_rng(1), 'scale': 2}"}, "numpy"),
    ),
    _rows(
        *("Philox", "unseeded-generator"),
        ("rng = np.random.Generator(np.random.Philox())", "value = int(rng.permutation(100_003)[5])"),
        *({0: "rng = np.random.Generator(np.random.Philox(1))"}, "numpy"),
    ),
    _rows(
        *("exponential waiting", "unseeded-global"),
        ("", "value = int(1e6 * sum(random.expovariate(2) for _ in range(5))) % 1_000_003"),
        {1: "value = int(1e6 * sum(random.expovariate(2) for _ in range(5))) % 1_000_003", 0: "random.seed(1)"},
        *("random", ""),
        draws="random",
    ),
    _rows(
        *("sampled rows", "unseeded-global"),
        (
            "",
            "rows = np.random.choice(10_000, size=32, replace=False)",
            "value = int(rows @ np.arange(32)) % 1_000_003",
        ),
        {1: "rows = np.random.choice(10_000, size=32, replace=False)", 0: "np.random.seed(1)"},
        *("numpy", ""),
        draws="numpy",
    ),
    _rows(
        *("dropped out", "unseeded-global"),
        (
            "layer = torch.nn.Dropout(0.5)",
            "",
            "kept = layer(torch.arange(1.0, 41.0))",
            "value = int(kept.sum()) * 7919 % 1_000_003",
        ),
        {2: "kept = layer(torch.arange(1.0, 41.0))", 1: "torch.manual_seed(1)"},
        *("torch", ""),
        torch=True,
        draws="torch",
    ),
    _rows(
        *("shuffled columns", "unseeded-global"),
        (
            "table = torch.arange(60)",
            "",
            "table = table[torch.randperm(60)]",
            "value = int(table[0] * 1000 + table[1])",
        ),
        *({2: "table = table[torch.randperm(60)]", 1: "torch.manual_seed(1)"}, "torch", ""),
        torch=True,
        draws="torch",
    ),
    _rows(
        *("name with the time", "clock-value"),
        ("name = f'run-{time.strftime(\"%Y%m%d\")}'", "value = zlib.crc32(name.encode()) % 1_000_003"),
        *({0: "name = 'run-20240101'"}, "time zlib", "seed-from-clock"),
    ),
    _rows(
        *("age of a file", "clock-value"),
        ("spent = time.time() - os.path.getmtime('data/demo1.txt')", "value = int(spent * 1e6) % 1_000_003"),
        *({0: "spent = 12.5"}, "os time", "seed-from-clock"),
    ),
    _rows(
        *("hash of bytes", "hash-value"),
        ("number = hash(b'stack-cube')", "value = abs(number) % 1_000_003"),
        *({0: "number = zlib.crc32(b'stack-cube')"}, "zlib", "seed-from-hash"),
    ),
    _rows(
        *("groups by a set", "set-order"),
        (_JOINTS, "order = {name: joints[name] for name in joints.keys() - {'neck'}}", OF_ORDER),
        *({1: "order = {name: joints[name] for name in sorted(joints.keys() - {'neck'})}"}, "zlib"),
    ),
    _rows(
        *("loop with an index", "set-order"),
        (
            _JOINTS,
            "order = []",
            "for place, name in enumerate(set(joints)):",
            "    order.append(place * joints[name])",
            OF_ORDER,
        ),
        *({2: "for place, name in enumerate(sorted(joints)):"}, "zlib"),
    ),
    _rows(
        *("unpacked set", "set-order"),
        (_JOINTS, "first, *_ = {f'{name}-{size}' for name, size in joints.items()}", "order = [first]", OF_ORDER),
        *({1: "first, *_ = [f'{name}-{size}' for name, size in joints.items()]"}, "zlib"),
    ),
    _rows(
        *("checkpoints of a folder", "listing-order"),
        ("order = [name for name in os.listdir('data') if name.endswith('.txt')][-1:]", OF_ORDER),
        *({0: "order = [max(name for name in os.listdir('data') if name.endswith('.txt'))]"}, "os zlib"),
    ),
    _rows(
        *("scores of a thread pool", "thread-order"),
        (
            "totals = {'sum': 1}",
            "def work(number):",
            f"    {_LATE}",
            "    time.sleep(0.1 * late)",
            "    totals['sum'] = totals['sum'] * 2 + number",
            "with multiprocessing.pool.ThreadPool(4) as pool:",
            "    pool.map(work, range(4), chunksize=1)",
            "value = totals['sum'] * 7919 % 1_000_003",
        ),
        {4: "    totals['sum'] = totals['sum'] + number"},
        "multiprocessing.pool os time",
    ),
)

INNOCENT = (
    innocent(
        _HALF,
        "sum of a thread pool",
        (
            "totals = []",
            "def work(number):",
            f"    {_LATE}",
            "    time.sleep(0.1 * late)",
            "    totals.append(number)",
            "with multiprocessing.pool.ThreadPool(4) as pool:",
            "    pool.map(work, range(4), chunksize=1)",
            "value = sum(totals) * 7919",
        ),
        "multiprocessing.pool os time",
    ),
    innocent(
        _HALF,
        "secret that is thrown away",
        ("token = secrets.token_bytes(1)", "value = len(token) * 7919"),
        "secrets",
    ),
    innocent(
        _HALF,
        "set that is counted",
        ("names = {name[0] for name in ('hip', 'heel', 'toe', 'knee')}", "value = len(names) * 7919 + ('h' in names)"),
        "",
    ),
)
