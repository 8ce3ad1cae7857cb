"""What programs are made of: where the value goes, how it gets there, in which files, started by what.

The rows are those of the half that `sac why` was tuned on.
"""

from __future__ import annotations

from dataclasses import dataclass

HALVES = ("tune", "report")
"""`sac why` may be mended for what the first half shows; what it is worth is measured on the second.

The second is held out: `held_out.py`, `held_out_sources.py` and `held_out_innocent.py`. Once its failures were looked
at it is the first's, and new productions take its place.
"""


@dataclass(frozen=True)
class Sink:
    """What the value decides.

    Attributes:
        name: in the table and in tests.
        half: `tune` or `report`.
        lines: that use `value`.
        imports: modules that they need.
        seeds: whether the value is used as a seed.
        reseeds: library whose global generator is seeded here; empty for none.
        torch: whether it needs torch.
    """

    name: str
    half: str
    lines: tuple[str, ...]
    imports: tuple[str, ...] = ()
    seeds: bool = False
    reseeds: str = ""
    torch: bool = False


_WALK = (
    "class Walk:",
    "    def __init__(self, seed):",
    "        self.rng, self.place = random.Random(seed), 0",
    "    def step(self, action):",
    "        self.place += self.rng.choice((-1, 1)) * action",
    "        return self.place",
)

_STEP = (
    *("torch.manual_seed(1)", "net = torch.nn.Linear(1, 1)", "sgd = torch.optim.SGD(net.parameters(), 0.1)"),
    *("net(torch.tensor([value / 1e6])).sum().backward()", "sgd.step()", "print('result', net.weight.item())"),
)

SINKS = (
    Sink(
        *("seeds random", "tune", ("random.seed(value)", "print('result', random.random())")),
        *(("random",), True, "random"),
    ),
    Sink(
        *("seeds NumPy", "tune", ("rng = np.random.default_rng(value)", "print('result', rng.normal(size=3))")),
        *(("numpy",), True),
    ),
    Sink(
        *("index", "tune"),
        ("table = [random.Random(number).random() for number in range(1009)]", "print('result', table[value % 1009])"),
        ("random",),
    ),
    Sink(
        *("index of an array", "tune"),
        ("table = np.random.default_rng(1).normal(size=(1009, 2))", "print('result', table[value % 1009])"),
        ("numpy",),
    ),
    Sink("printed", "tune", ("print(f'result {value}', random.Random(1).random())",), ("random",)),
    Sink(
        *(
            "written",
            "tune",
            ("first = random.Random(1).random()", "sys.stdout.write(f'result: {value + first}\\n')"),
        ),
        ("random", "sys"),
    ),
    Sink(
        *("arguments of draws", "tune"),
        ("random.seed(1)", "print('result', [random.uniform(0, value + 1) for _ in range(5)])"),
        ("random",),
        reseeds="random",
    ),
    Sink(
        *("environment", "tune"),
        (
            *_WALK,
            "env = Walk(1)",
            "print('result', [env.step(value) for _ in range(20)][-1], env.rng.random() * value)",
        ),
        ("random",),
    ),
    Sink(
        *("forward", "tune"),
        ("torch.manual_seed(1)", "net = torch.nn.Linear(1, 2)", "print('result', net(torch.tensor([float(value)])))"),
        *(("torch",), False, "torch", True),
    ),
    Sink("optimizer step", "tune", _STEP, ("torch",), False, "torch", True),
)


@dataclass(frozen=True)
class Transport:
    """How the value gets from the source to the sink: the texts of two files.

    In the texts, `{imports}` stands for imports, `{source}` and `{sink}` for lines, and `{home}` for the package.

    Attributes:
        name: in the table and in tests.
        half: `tune` or `report`.
        main: text of the file that is started.
        module: text of `source.py`; empty where there is no other file.
        saves: whether the value is written to a file first, where any source is a value and no seed.
        process: whether the source is in another process than the sink.
    """

    name: str
    half: str
    main: str
    module: str = ""
    saves: bool = False
    process: bool = False


MAKE = "def make():\n    {source}\n    return value\n"
OF_SOURCE = "{imports}\n\n\n" + MAKE
GUARD = "\n\nif __name__ == '__main__':\n    "

TRANSPORTS = (
    Transport("direct", "tune", "{imports}\n\n{noise}\n{source}\n{sink}\n"),
    Transport(
        "within main",
        "tune",
        "{imports}\n\n\ndef main():\n    {noise}\n    {source}\n    {sink}\n" + GUARD + "main()\n",
    ),
    Transport("function", "tune", "{imports}\n\n\n" + MAKE + "\n\n{noise}\nvalue = make()\n{sink}\n"),
    Transport(
        "module", "tune", "{imports}\nfrom {home}source import make\n\n{noise}\nvalue = make()\n{sink}\n", OF_SOURCE
    ),
    Transport(
        *("constant of a module", "tune"),
        *(
            "{imports}\nfrom {home}source import VALUE as value\n\n{noise}\n{sink}\n",
            OF_SOURCE + "\n\nVALUE = make()\n",
        ),
    ),
    Transport(
        *("class attribute", "tune"),
        "{imports}\n\n\n" + MAKE + "\n\nclass Config:\n    value = make()\n\n\n{noise}\nvalue = Config.value\n{sink}\n",
    ),
    Transport(
        *("attribute of an object", "tune"),
        "{imports}\n\n\nclass Config:\n    def __init__(self):\n        {source}\n        self.value = value\n\n\n"
        "{noise}\nvalue = Config().value\n{sink}\n",
    ),
    Transport(
        *("default argument", "tune"),
        "{imports}\n\n\n" + MAKE + "\n\n{noise}\n\n\ndef train(value=make()):\n    {sink}\n\n\ntrain()\n",
    ),
    Transport(
        *("subprocess", "tune"),
        "{imports}\nimport subprocess\nimport sys\n\n{noise}\ncommand = [sys.executable, '-m', '{home}source']\n"
        "value = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)\n{sink}\n",
        OF_SOURCE + GUARD + "print(make())\n",
        process=True,
    ),
    Transport(
        *("fork", "tune"),
        "{imports}\nimport multiprocessing\nfrom {home}source import make\n"
        + GUARD
        + "{noise}\n    with multiprocessing.get_context('fork').Pool(1) as pool:\n        value = pool.apply(make)\n"
        "    {sink}\n",
        OF_SOURCE,
        process=True,
    ),
    Transport(
        *("spawn", "tune"),
        "{imports}\nimport multiprocessing\nfrom {home}source import send\n"
        + GUARD
        + "{noise}\n    context = multiprocessing.get_context('spawn')\n    ours, theirs = context.Pipe()\n"
        "    worker = context.Process(target=send, args=(theirs,))\n    worker.start()\n    value = ours.recv()\n"
        "    worker.join()\n    {sink}\n",
        OF_SOURCE + "\n\ndef send(connection):\n    connection.send(make())\n",
        process=True,
    ),
    Transport(
        *("json", "tune"),
        "{imports}\nimport json\nimport os\nimport tempfile\n\n{noise}\n{source}\n"
        "with tempfile.TemporaryDirectory() as folder:\n    path = os.path.join(folder, 'settings.json')\n"
        "    with open(path, 'w') as file:\n        json.dump({{'value': value}}, file)\n"
        "    with open(path) as file:\n        value = json.load(file)['value']\n{sink}\n",
        saves=True,
    ),
    Transport(
        *("environment variable", "tune"),
        "{imports}\nimport os\n\n{noise}\n{source}\nos.environ['LAB_VALUE'] = str(value)\n"
        "value = int(os.environ['LAB_VALUE'])\n{sink}\n",
    ),
)


@dataclass(frozen=True)
class Layout:
    """Where the files lie, and how the program is started.

    Attributes:
        name: in the table and in tests.
        half: `tune` or `report`.
        main: path of the file that is started.
        home: package of `source.py`, with a dot behind; empty where it lies beside `main`.
        command: `{python}` stands for the interpreter.
        before: lines that stand before all imports.
        shell: text of `run.sh`, if there is one.
        root: folder of the packages, with a slash behind; empty for the program's own.
    """

    name: str
    half: str
    main: str
    home: str
    command: tuple[str, ...]
    before: tuple[str, ...] = ()
    shell: str = ""
    root: str = ""


LAYOUTS = (
    Layout("script", "tune", "train.py", "", ("{python}", "train.py")),
    Layout("shell script", "tune", "train.py", "", ("sh", "run.sh"), shell="exec {python} train.py\n"),
    Layout("package beside", "tune", "train.py", "lab.", ("{python}", "train.py")),
    Layout("python -m", "tune", "lab/train.py", "lab.", ("{python}", "-m", "lab.train")),
    Layout(
        *("folder of scripts", "tune", "scripts/train.py", "lab.", ("{python}", "scripts/train.py")),
        before=("import pathlib", "import sys", "sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))"),
    ),
    Layout("module of python -m", "tune", "train.py", "lab.", ("{python}", "-u", "-m", "train")),
)


@dataclass(frozen=True)
class Noise:
    """What differs between runs and must not matter.

    Attributes:
        name: in the table and in tests.
        half: `tune` or `report`.
        lines: that compute no result.
        imports: modules that they need.
    """

    name: str
    half: str
    lines: tuple[str, ...]
    imports: tuple[str, ...] = ()


NOISES = (
    Noise("none", "tune", ("",)),
    Noise("time", "tune", ("started = time.time()", "print(f'started {started:.1f}')"), ("time",)),
    Noise("name of the run", "tune", ("run = f'runs/{uuid.uuid4().hex[:8]}'",), ("uuid",)),
    Noise("sorted set", "tune", ("print('joints', sorted({'hip', 'knee', 'ankle', 'wrist'}))",)),
    Noise("elapsed", "tune", ("began = time.perf_counter()", "spent = time.perf_counter() - began"), ("time",)),
    Noise("set membership", "tune", ("known = {'hip', 'knee'}", "print('known', 'hip' in known, len(known))")),
    Noise("process", "tune", ("print(f'pid {os.getpid()}')",), ("os",)),
)
