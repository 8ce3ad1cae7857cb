"""What programs of the half that is held out are made of, but for their sources."""

from __future__ import annotations

from tests.why.drawn.grammar import GUARD, MAKE, OF_SOURCE, Layout, Noise, Sink, Transport

_HALF = "report"

SINKS = (
    Sink(
        *("seeds a sequence", _HALF),
        (
            "rng = np.random.Generator(np.random.SFC64(np.random.SeedSequence(value)))",
            "print('result', rng.integers(10**6, size=2))",
        ),
        *(("numpy",), True),
    ),
    Sink(
        *("reset of two environments", _HALF),
        (
            "envs = gymnasium.vector.SyncVectorEnv([lambda: gymnasium.make('Acrobot-v1')] * 2)",
            "print('result', envs.reset(seed=value)[0])",
        ),
        *(("gymnasium",), True),
    ),
    Sink(
        *("turned deque", _HALF),
        (
            "kept = collections.deque(random.Random(1).sample(range(5003), 5003))",
            "kept.rotate(value % 5003)",
            "print('result', kept[0], kept[1])",
        ),
        ("collections", "random"),
    ),
    Sink(
        *("row of a CSV", _HALF),
        ("csv.writer(sys.stdout).writerow(['result', value, random.Random(1).random()])",),
        ("csv", "random", "sys"),
    ),
    Sink(
        *("torque of Pendulum", _HALF),
        (
            "env = gymnasium.make('Pendulum-v1')",
            "env.reset(seed=1)",
            "print('result', env.step(np.array([value % 10_007 / 10_007], dtype=np.float32))[:2])",
        ),
        ("gymnasium", "numpy"),
    ),
    Sink(
        *("quantile", _HALF),
        (
            "returns = np.random.default_rng(1).normal(size=50)",
            "print('result', np.quantile(returns, value % 10_007 / 10_007))",
        ),
        ("numpy",),
    ),
    Sink(
        *("width of a network", _HALF),
        (
            *("torch.manual_seed(1)", "net = torch.nn.Sequential(torch.nn.Linear(2, 2 + value % 61), torch.nn.Tanh())"),
            "print('result', net(torch.ones(1, 2)).sum().item(), value)",
        ),
        *(("torch",), False, "torch", True),
    ),
    Sink(
        *("decay of AdamW", _HALF),
        (
            *("weight = torch.ones(3, requires_grad=True)", "weight.pow(3).sum().backward()"),
            *("torch.optim.AdamW([weight], lr=1e-3 + value / 1e8).step()", "print('result', weight.tolist())"),
        ),
        ("torch",),
        torch=True,
    ),
)

TRANSPORTS = (
    Transport(
        *("cache of a class", _HALF),
        "{imports}\n\n\nclass Lab:\n    known = {{}}\n\n    @classmethod\n    def get(cls):\n"
        "        if 'value' not in cls.known:\n            {source}\n            cls.known['value'] = value\n"
        "        return cls.known['value']\n\n\n{noise}\nvalue = max(Lab.get(), Lab.get())\n{sink}\n",
    ),
    Transport(
        *("parsed settings", _HALF),
        "{imports}\nimport configparser\n\n\n" + MAKE + "\n\n{noise}\nsettings = configparser.ConfigParser()\n"
        "settings.read_dict({{'run': {{'value': str(make())}}}})\nvalue = settings.getint('run', 'value')\n{sink}\n",
    ),
    Transport(
        *("array in a file", _HALF),
        "{imports}\nimport tempfile\nimport numpy\n\n{noise}\n{source}\n"
        "with tempfile.TemporaryDirectory() as folder:\n    numpy.save(f'{{folder}}/value.npy', numpy.array(value))\n"
        "    value = int(numpy.load(f'{{folder}}/value.npy'))\n{sink}\n",
        saves=True,
    ),
    Transport(
        *("to a thread", _HALF),
        "{imports}\nimport asyncio\nfrom {home}source import make\n\n\nasync def collect():\n"
        "    return await asyncio.to_thread(make)\n\n\n{noise}\nvalue = asyncio.run(collect())\n{sink}\n",
        OF_SOURCE,
    ),
    Transport(
        *("hook of a base class", _HALF),
        "{imports}\n\n\nclass Base:\n    def __init_subclass__(cls):\n        {source}\n        cls.value = value\n\n\n"
        "class Lab(Base):\n    pass\n\n\n{noise}\nvalue = Lab.value\n{sink}\n",
    ),
    Transport(
        *("lazy attribute of a module", _HALF),
        "{imports}\nimport {home}source as lazy\n\n{noise}\nvalue = lazy.value\n{sink}\n",
        "{imports}\n\n\ndef __getattr__(name):\n    if name != 'value':\n        raise AttributeError(name)\n"
        "    {source}\n    return value\n",
    ),
    Transport(
        *("number that processes share", _HALF),
        "{imports}\nimport multiprocessing\nfrom {home}source import fill\n"
        + GUARD
        + "{noise}\n    context = multiprocessing.get_context('fork')\n    shared = context.Value('q', 0)\n"
        "    worker = context.Process(target=fill, args=(shared,))\n    worker.start()\n    worker.join()\n"
        "    value = shared.value\n    {sink}\n",
        OF_SOURCE + "\n\ndef fill(shared):\n    shared.value = make()\n",
        process=True,
    ),
    Transport(
        *("object as a number", _HALF),
        "{imports}\n\n\nclass Settings:\n    def __int__(self):\n        {source}\n        return value\n\n\n"
        "{noise}\nvalue = int(Settings())\n{sink}\n",
    ),
    Transport(
        *("reduced list", _HALF),
        "{imports}\nimport functools\n\n\n"
        + MAKE
        + "\n\n{noise}\nvalue = functools.reduce(lambda total, one: total + one(), [int, make], 0)\n{sink}\n",
    ),
)

LAYOUTS = (
    Layout("timeout", _HALF, "train.py", "", ("timeout", "500", "{python}", "train.py")),
    Layout("xargs", _HALF, "train.py", "", ("sh", "run.sh"), shell="echo train.py | xargs {python}\n"),
    Layout("space in a path", _HALF, "my lab/train.py", "", ("{python}", "my lab/train.py")),
    Layout("no ending", _HALF, "bin/train", "", ("{python}", "bin/train")),
    Layout(
        *("src of a script", _HALF, "tools/arm/train.py", "arm.", ("{python}", "tools/arm/train.py")),
        before=(
            *("import pathlib", "import sys"),
            "sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'src'))",
        ),
        root="src/",
    ),
    Layout(
        *("loop of a shell", _HALF, "train.py", "", ("bash", "run.sh")),
        shell='set -euo pipefail\nfor script in train; do\n    {python} "$script.py" || exit 1\ndone\n',
    ),
    Layout(
        *("runpy of a module", _HALF, "lab/train.py", "lab.", ("sh", "run.sh")),
        shell="{python} -c \"import runpy; runpy.run_module('lab.train', run_name='__main__', alter_sys=True)\"\n",
    ),
)

NOISES = (
    Noise("none", _HALF, ("",)),
    Noise("date", _HALF, ("print('on', datetime.datetime.now().isoformat(timespec='seconds'))",), ("datetime",)),
    Noise(
        *("memory", _HALF),
        ("print(f'used {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.1f} MiB')",),
        ("resource",),
    ),
    Noise("hash of a name", _HALF, ("bucket = hash('hip') % 7", "seen = {bucket: 'hip'}")),
    Noise("sorted listing", _HALF, ("print('demos', sorted(os.listdir('data')))",), ("os",)),
    Noise(
        *("log in a file", _HALF),
        (
            "log = tempfile.NamedTemporaryFile(suffix='.log')",
            "handler = logging.FileHandler(log.name)",
            "handler.setFormatter(logging.Formatter('%(asctime)s %(process)d %(message)s'))",
            "logging.getLogger('lab.file').addHandler(handler)",
            "logging.getLogger('lab.file').error('start')",
            "handler.close()",
            "logging.getLogger('lab.file').removeHandler(handler)",
        ),
        ("logging", "tempfile"),
    ),
)
