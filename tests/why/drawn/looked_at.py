"""What programs are made of that were held out once, until their failures were looked at; but for their sources."""

from __future__ import annotations

from tests.why.drawn.grammar import GUARD, MAKE, OF_SOURCE, Layout, Noise, Sink, Transport

_HALF = "tune"

_DESCENT = (
    *("rows = np.random.default_rng(1).normal(size=(32, 3))", "weights = np.ones(3)"),
    "for _ in range(20):",
    "    weights -= (0.01 + value / 1e8) * rows.T @ (rows @ weights) / 32",
    "print('result', weights)",
)
_ADAM = (
    *("rng = torch.Generator().manual_seed(value)", "rows = torch.randn(8, 2, generator=rng)"),
    *("weight = torch.ones(2, requires_grad=True)", "adam = torch.optim.Adam([weight], lr=0.1)"),
    *("loss = rows.matmul(weight).pow(2).sum()", "loss.backward()", "adam.step()"),
    "print('result', loss.item(), weight.tolist())",
)

SINKS = (
    Sink(
        *("seeds RandomState", _HALF, ("rng = np.random.RandomState(value)", "print('result', rng.randint(10**6))")),
        *(("numpy",), True),
    ),
    Sink(
        *("reset of CartPole", _HALF),
        ("env = gymnasium.make('CartPole-v1')", "print('result', env.reset(seed=value)[0])"),
        *(("gymnasium",), True),
    ),
    Sink(
        *("number of draws", _HALF),
        ("rng = random.Random(1)", "print('result', sum(rng.random() for _ in range(value % 997)))"),
        ("random",),
    ),
    Sink(
        *("share of a data set", _HALF),
        (
            "rows = random.Random(1).sample(range(5003), 5003)",
            "share = rows[value % 5000 :][:3]",
            "print('result', share)",
        ),
        ("random",),
    ),
    Sink("rate of a descent", _HALF, _DESCENT, ("numpy",)),
    Sink(
        *("logged", _HALF),
        ("logging.getLogger('lab').warning('result %s', value + random.Random(1).random())",),
        ("logging", "random"),
    ),
    Sink("seeds a torch.Generator", _HALF, _ADAM, ("torch",), True, torch=True),
)

TRANSPORTS = (
    Transport(
        *("field of a dataclass", _HALF),
        "{imports}\nimport dataclasses\n\n\n"
        + MAKE
        + "\n\n@dataclasses.dataclass\nclass Config:\n    value: int = dataclasses.field(default_factory=make)\n\n\n"
        "{noise}\nvalue = Config().value\n{sink}\n",
    ),
    Transport(
        *("closure", _HALF),
        "{imports}\n\n\ndef outer():\n    {source}\n\n    def inner():\n        return value\n\n    return inner\n\n\n"
        "{noise}\nvalue = outer()()\n{sink}\n",
    ),
    Transport(
        *("generator function", _HALF),
        "{imports}\n\n\ndef values():\n    yield 1\n    {source}\n    yield value\n\n\n"
        "{noise}\n_, value = values()\n{sink}\n",
    ),
    Transport(
        *("registry", _HALF),
        "{imports}\nfrom {home}source import REGISTRY\n\n{noise}\nvalue = REGISTRY['make']()\n{sink}\n",
        "{imports}\n\nREGISTRY = {{}}\n\n\ndef register(function):\n    REGISTRY[function.__name__] = function\n"
        "    return function\n\n\n@register\n" + MAKE,
    ),
    Transport(
        *("pickle", _HALF),
        "{imports}\nimport pathlib\nimport pickle\nimport tempfile\n\n{noise}\n{source}\n"
        "with tempfile.TemporaryDirectory() as folder:\n    path = pathlib.Path(folder) / 'state.pkl'\n"
        "    path.write_bytes(pickle.dumps({{'value': value}}))\n"
        "    value = pickle.loads(path.read_bytes())['value']\n{sink}\n",
        saves=True,
    ),
    Transport(
        *("queue of a thread", _HALF),
        "{imports}\nimport queue\nimport threading\n\n\n"
        + MAKE
        + "\n\n{noise}\njobs = queue.Queue()\nthread = threading.Thread(target=lambda: jobs.put(make()))\n"
        "thread.start()\nvalue = jobs.get()\nthread.join()\n{sink}\n",
    ),
    Transport(
        *("singleton of a module", _HALF),
        "{imports}\nfrom {home}source import SETTINGS\n\n{noise}\nvalue = SETTINGS.value\n{sink}\n",
        "{imports}\n\n\nclass Settings:\n    def __init__(self):\n        {source}\n        self.value = value\n\n\n"
        "SETTINGS = Settings()\n",
    ),
    Transport(
        *("decorator", _HALF),
        "{imports}\nimport functools\n\n\n@functools.lru_cache\n"
        + MAKE
        + "\n\n{noise}\nvalue = max(make() for _ in range(3))\n{sink}\n",
    ),
    Transport(
        *("partial", _HALF),
        "{imports}\nimport functools\n\n\ndef scaled(factor, offset):\n    {source}\n"
        "    return value * factor + offset\n\n\n"
        "build = functools.partial(scaled, 1, offset=0)\n{noise}\nvalue = build()\n{sink}\n",
    ),
    Transport(
        *("default of a flag", _HALF),
        "{imports}\nimport argparse\n\n\n"
        + MAKE
        + "\n\nparser = argparse.ArgumentParser()\nparser.add_argument('--value', type=int, default=make())\n"
        "{noise}\nvalue = parser.parse_args([]).value\n{sink}\n",
    ),
    Transport(
        *("property", _HALF),
        "{imports}\nimport functools\n\n\nclass Lab:\n    @functools.cached_property\n    def value(self):\n"
        "        {source}\n        return value\n\n\n{noise}\nvalue = Lab().value\n{sink}\n",
    ),
    Transport(
        *("executor of processes", _HALF),
        "{imports}\nimport concurrent.futures\nfrom {home}source import make\n"
        + GUARD
        + "{noise}\n    with concurrent.futures.ProcessPoolExecutor(1) as executor:\n"
        "        value = executor.submit(make).result()\n    {sink}\n",
        OF_SOURCE,
        process=True,
    ),
)

LAYOUTS = (
    Layout("main of a package", _HALF, "lab/__main__.py", "lab.", ("{python}", "-m", "lab")),
    Layout("folder", _HALF, "lab/__main__.py", "", ("{python}", "lab")),
    Layout("pipe", _HALF, "train.py", "", ("sh", "run.sh"), shell="{python} -u train.py 2>&1 | cat\n"),
    Layout(
        *("folder src", _HALF, "src/lab/train.py", "lab.", ("env", "PYTHONPATH=src", "{python}", "-m", "lab.train")),
        root="src/",
    ),
    Layout("options of Python", _HALF, "train.py", "", ("{python}", "-O", "-W", "ignore", "-X", "utf8", "train.py")),
)

NOISES = (
    Noise("none", _HALF, ("",)),
    Noise("sum of a set", _HALF, ("print('most', max({'hip', 'knee', 'toe'}), sum({3, 5, 8}))",)),
    Noise(
        *("steps a second", _HALF),
        (
            "began = time.perf_counter()",
            "steps = sum(1 for _ in range(1000))",
            "print(f'{steps / (time.perf_counter() - began):.0f} it/s', file=sys.stderr)",
        ),
        ("sys", "time"),
    ),
    Noise(
        "log with times",
        _HALF,
        ("logging.basicConfig(format='%(asctime)s %(message)s')", "logging.warning('start')"),
        ("logging",),
    ),
    Noise(
        "temporary folder", _HALF, ("folder = tempfile.mkdtemp(prefix='run-')", "os.rmdir(folder)"), ("os", "tempfile")
    ),
    Noise("files are counted", _HALF, ("print('files', len(os.listdir('data')))",), ("os",)),
    Noise(
        *("cache by id", _HALF),
        (
            "parts = [[1], [2], [3]]",
            "cache = {id(part): part for part in parts}",
            "print('cached', cache[id(parts[1])])",
        ),
    ),
    Noise("garbage", _HALF, ("gc.collect()", "print('kept', len(gc.garbage))"), ("gc",)),
)
