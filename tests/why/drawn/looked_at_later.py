"""What programs are made of that were held out after the first ones, and are looked at too; but for their sources."""

from __future__ import annotations

from tests.why.drawn.grammar import GUARD, MAKE, OF_SOURCE, Layout, Noise, Sink, Transport

_HALF = "tune"

SINKS = (
    Sink(
        *("seeds a space", _HALF),
        ("space = gymnasium.spaces.Box(-1.0, 1.0, (3,), seed=value)", "print('result', space.sample())"),
        *(("gymnasium",), True),
    ),
    Sink(
        *("size of a batch", _HALF),
        ("batch = np.random.default_rng(1).choice(100, size=1 + value % 97)", "print('result', batch.sum())"),
        ("numpy",),
    ),
    Sink(
        *("weights of a choice", _HALF),
        (
            "weights = [1 + value % 13, 1 + value % 17, 1 + value % 19]",
            "print('result', random.Random(1).choices('abc', weights, k=40), weights)",
        ),
        ("random",),
    ),
    Sink(
        *("result in JSON", _HALF),
        ("print(json.dumps({'result': value / 3 + random.Random(1).random(), 'done': True}))",),
        ("json", "random"),
    ),
    Sink(
        *("sum of a matrix", _HALF),
        (
            "matrix = np.random.default_rng(1).normal(size=(20, 20))",
            "print('result', np.linalg.norm(np.roll(matrix, value % 400)[:7]))",
        ),
        ("numpy",),
    ),
    Sink(
        *("noise of a network", _HALF),
        (
            "noise = torch.randn(4, generator=torch.Generator().manual_seed(1))",
            "print('result', torch.nn.functional.linear(noise, torch.full((2, 4), value / 1e6)).tolist())",
        ),
        ("torch",),
        torch=True,
    ),
)

TRANSPORTS = (
    Transport("lambda", _HALF, "{imports}\n\n\n" + MAKE + "\n\n{noise}\nvalue = (lambda: make())()\n{sink}\n"),
    Transport(
        *("context manager", _HALF),
        "{imports}\nimport contextlib\n\n\n@contextlib.contextmanager\ndef made():\n    {source}\n    yield value\n\n\n"
        "{noise}\nwith made() as value:\n    {sink}\n",
    ),
    Transport(
        *("thread of a pool", _HALF),
        "{imports}\nimport concurrent.futures\n\n\n"
        + MAKE
        + "\n\n{noise}\nwith concurrent.futures.ThreadPoolExecutor(1) as executor:\n"
        "    value = executor.submit(make).result()\n{sink}\n",
    ),
    Transport(
        *("inherited method", _HALF),
        "{imports}\nfrom {home}source import Base\n\n\nclass Lab(Base):\n    pass\n\n\n"
        "{noise}\nvalue = Lab().make()\n{sink}\n",
        "{imports}\n\n\nclass Base:\n    def make(self):\n        {source}\n        return value\n",
    ),
    Transport(
        *("named tuple", _HALF),
        "{imports}\nimport typing\n\n\nclass Config(typing.NamedTuple):\n    value: int\n    rate: float = 0.1\n\n\n"
        + MAKE
        + "\n\n{noise}\nvalue, _ = Config(make())\n{sink}\n",
    ),
    Transport(
        *("child with an environment", _HALF),
        "{imports}\nimport os\nimport subprocess\nimport sys\n\n{noise}\n"
        "command, env = [sys.executable, '-m', '{home}source'], {{**os.environ, 'MODE': 'child'}}\n"
        "value = int(subprocess.check_output(command, env=env))\n{sink}\n",
        OF_SOURCE + GUARD + "print(make())\n",
        process=True,
    ),
)

LAYOUTS = (
    Layout("nice", _HALF, "train.py", "", ("nice", "-n", "1", "{python}", "train.py")),
    Layout("bash -c", _HALF, "lab/train.py", "lab.", ("bash", "-c", "{python} -m lab.train")),
    Layout(
        *("path of a shell script", _HALF, "src/lab/train.py", "lab.", ("sh", "run.sh")),
        shell="set -e\nexport PYTHONPATH=src:$PYTHONPATH\n{python} -m lab.train\n",
        root="src/",
    ),
    Layout(
        *("runpy", _HALF, "train.py", "", ("sh", "run.sh")),
        shell="{python} -c \"import runpy; runpy.run_path('train.py', run_name='__main__')\"\n",
    ),
    Layout("below env", _HALF, "train.py", "", ("env", "LAB=1", "{python}", "-B", "train.py")),
)

NOISES = (
    Noise("none", _HALF, ("",)),
    Noise(
        *("idle thread", _HALF),
        ("idle = threading.Thread(target=time.sleep, args=(0.05,), daemon=True)", "idle.start()"),
        ("threading", "time"),
    ),
    Noise(
        *("progress", _HALF),
        ("print('|'.join(f'\\r{step:3}%' for step in range(0, 101, 50)), file=sys.stderr)",),
        ("sys",),
    ),
    Noise("warning", _HALF, ("warnings.warn('an old flag')",), ("warnings",)),
    Noise("machine", _HALF, ("print('on', platform.node(), os.cpu_count())",), ("os", "platform")),
    Noise("object shown", _HALF, ("print('with', object())",)),
    Noise("random name", _HALF, ("name = ''.join(secrets.choice('abc') for _ in range(8))",), ("secrets",)),
)
