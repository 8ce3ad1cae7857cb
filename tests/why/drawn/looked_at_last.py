"""What programs are made of that were held out the third time, and are looked at too; but for their sources."""

from __future__ import annotations

from tests.why.drawn.grammar import MAKE, OF_SOURCE, Layout, Noise, Sink, Transport

_HALF = "tune"

SINKS = (
    Sink(
        *("seeds a Philox", _HALF),
        ("rng = np.random.Generator(np.random.Philox(value))", "print('result', rng.random(3))"),
        *(("numpy",), True),
    ),
    Sink(
        *("steps of a walk", _HALF),
        (
            "walk = random.Random(1)",
            "print('result', [walk.randint(0, 9) for _ in range(3 + value % 89)][-3:], value % 13)",
        ),
        ("random",),
    ),
    Sink(
        *("learning rate", _HALF),
        ("weights = np.random.default_rng(1).normal(size=5)", "print('result', weights - weights * value / 1e6)"),
        ("numpy",),
    ),
    Sink(
        *("wind of CartPole", _HALF),
        (
            "env = gymnasium.make('CartPole-v1')",
            "env.reset(seed=1)",
            "states = [env.step((value >> place) % 2)[0] for place in range(8)]",
            "print('result', states[-1], value)",
        ),
        ("gymnasium",),
    ),
    Sink(
        *("loss of a network", _HALF),
        (
            *("torch.manual_seed(1)", "net = torch.nn.Linear(3, 1)"),
            "print('result', net(torch.full((1, 3), value / 1e6)).item())",
        ),
        *(("torch",), False, "torch", True),
    ),
)

TRANSPORTS = (
    Transport(
        *("static method", _HALF),
        "{imports}\n\n\nclass Tools:\n    @staticmethod\n    def make():\n        {source}\n        return value\n\n\n"
        "{noise}\nvalue = Tools.make()\n{sink}\n",
    ),
    Transport(
        *("table of functions", _HALF),
        "{imports}\nfrom {home}source import make\n\nTABLE = {{'make': make, 'zero': lambda: 0}}\n"
        "{noise}\nvalue = max(TABLE[name]() for name in ('zero', 'make'))\n{sink}\n",
        OF_SOURCE,
    ),
    Transport(
        *("exception", _HALF),
        "{imports}\n\n\nclass Found(Exception):\n    pass\n\n\n"
        + MAKE
        + "\n\n{noise}\ntry:\n    raise Found(make())\nexcept Found as found:\n    value = found.args[0]\n{sink}\n",
    ),
    Transport(
        *("bytes of an array", _HALF),
        "{imports}\nimport array\n\n{noise}\n{source}\nheld = array.array('q', [value]).tobytes()\n"
        "value = array.array('q', held)[0]\n{sink}\n",
    ),
)

LAYOUTS = (
    Layout("two folders", _HALF, "apps/train.py", "", ("{python}", "apps/train.py")),
    Layout("env of a script", _HALF, "train.py", "", ("sh", "run.sh"), shell="env LAB=2 {python} train.py\n"),
    Layout("package of a package", _HALF, "lab/core/train.py", "lab.core.", ("{python}", "-m", "lab.core.train")),
)

NOISES = (
    Noise("none", _HALF, ("",)),
    Noise("counted files", _HALF, ("count = sum(1 for _ in os.scandir('data'))", "print('files', count)"), ("os",)),
    Noise(
        "duration", _HALF, ("begun = time.monotonic()", "print(f'took {time.monotonic() - begun:.6f} s')"), ("time",)
    ),
    Noise("token", _HALF, ("token = uuid.uuid4()", "print('run', token)"), ("uuid",)),
)
