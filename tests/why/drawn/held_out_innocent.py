"""Sources of the half that is held out that look guilty and aren't."""

from __future__ import annotations

import functools

from tests.why.drawn.held_out_sources import LATE
from tests.why.drawn.sources import NAMES, OF_ORDER, innocent

_innocent = functools.partial(innocent, "report")

INNOCENT = (
    _innocent(
        "second reset",
        (
            "env = gymnasium.make('CartPole-v1')",
            "env.reset(seed=3)",
            "observation, _ = env.reset()",
            "value = int(1e6 * abs(observation).sum()) % 1_000_003",
        ),
        "gymnasium",
    ),
    _innocent(
        "seed that is a text", ("rng = random.Random('stack-cube')", "value = rng.randrange(1_000_003)"), "random"
    ),
    _innocent(
        "table by random names",
        (
            "table = {uuid.uuid4().hex: number * 7919 for number in range(9)}",
            "value = sum(place * number for place, number in enumerate(table.values())) % 1_000_003",
        ),
        "uuid",
    ),
    _innocent(
        "array in a temporary file",
        (
            "with tempfile.NamedTemporaryFile(suffix='.npy') as file:",
            "    np.save(file, np.arange(9) * 7919)",
            "    file.seek(0)",
            "    value = int(np.load(file).sum())",
        ),
        "numpy tempfile",
    ),
    _innocent(
        "memory that is filled",
        (
            "buffer = np.empty(64)",
            "buffer.fill(3.0)",
            "value = int(buffer.sum()) * 1009",
        ),
        "numpy",
    ),
    _innocent(
        "unique names of a set",
        (f"names = {NAMES}", "order = np.unique(list(names)).tolist()", OF_ORDER),
        "numpy zlib",
    ),
    _innocent(
        "gathered in their order",
        (
            *("async def play(number):", f"    {LATE}", "    await asyncio.sleep(0.05 * late)", "    return number"),
            *("async def collect():", "    return await asyncio.gather(*map(play, range(4)))"),
            *("order = asyncio.run(collect())", OF_ORDER),
        ),
        "asyncio os zlib",
    ),
    _innocent(
        "listing that is looked up",
        (
            "sizes = {entry.name: entry.stat().st_size for entry in os.scandir('data')}",
            "order = [sizes[f'demo{number}.txt'] for number in range(8)]",
            OF_ORDER,
        ),
        "os zlib",
    ),
    _innocent(
        "seeded loader",
        (
            "rng = torch.Generator().manual_seed(3)",
            "loader = torch.utils.data.DataLoader(list(range(500)), batch_size=100, shuffle=True, generator=rng)",
            "value = sum(int(batch[0]) * (place + 1) for place, batch in enumerate(loader)) * 131 % 1_000_003",
        ),
        "torch.utils.data",
        torch=True,
    ),
    _innocent(
        "locked total",
        (
            *("lock, total = threading.Lock(), {'steps': 0}", "def work(number):", f"    {LATE}"),
            *("    time.sleep(0.05 * late)", "    with lock:", "        total['steps'] += number * 7919"),
            "threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]",
            "_ = [thread.start() for thread in threads], [thread.join() for thread in threads]",
            "value = total['steps']",
        ),
        "os threading time",
    ),
)
