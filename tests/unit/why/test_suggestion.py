"""What a fix writes can be pasted."""

from __future__ import annotations

import pytest

from sac.why.suggestion import suggest

LINES = [
    ("unseeded-reset", "obs, _ = env.reset()", "+ obs, _ = env.reset(seed=seed)"),
    ("unseeded-reset", "    obs = env.reset(options=o)", "+     obs = env.reset(options=o, seed=seed)"),
    ("unseeded-generator", "rng = np.random.default_rng()", "+ rng = np.random.default_rng(seed)"),
    ("unseeded-generator", "rng = np.random.RandomState(None)", "+ rng = np.random.RandomState(seed)"),
    ("unseeded-generator", "g.seed()", "+ g.manual_seed(seed)"),
    ("unseeded-space", "a = envs.action_space.sample()", "+ envs.action_space.seed(seed)"),
    ("set-order", "for name in names:", "+ for name in sorted(names):"),
    ("set-order", "names = list(set(words))", "+ names = list(sorted(set(words)))"),
    ("listing-order", "for f in os.listdir(d):", "+ for f in sorted(os.listdir(d)):"),
    ("seed-from-clock", "torch.manual_seed(int(time.time()))", "+ torch.manual_seed(seed)"),
    ("seed-from-clock", "seed = int(time.time())", "+ seed = 1  # or from the command line, with a fixed default"),
    ("seed-from-hash", "seed = hash(name) % 100", "+ seed = zlib.crc32(name.encode()) % 100"),
    ("id-order", "rng = np.random.default_rng(id(buffer))", "+ rng = np.random.default_rng(seed)"),
    ("seed-from-hash", "seed = hash(b'cube')", "+ seed = zlib.crc32(b'cube')"),
    ("hash-value", "key = abs(hash((name, kind))) % 7", "+ key = abs(zlib.crc32(repr((name, kind)).encode())) % 7"),
    ("dropout-in-evaluation", "    y = net(x)", "+     model.eval()"),
]


@pytest.mark.parametrize("cause, code, expected", LINES)
def test_a_line_is_mended(cause, code, expected):
    assert expected in suggest(cause, code)


def test_a_global_generator_is_seeded_at_the_start():
    (line,) = suggest("unseeded-global", "x = np.random.rand()", "NumPy's global generator")
    assert line == "+ np.random.seed(seed)  # at the start of the script"


def test_the_state_is_kept_of_the_generator_that_was_moved():
    line, _ = suggest("consumed-elsewhere", "    print(random.random())", moved="random's global generator")
    assert line == "+     state = random.getstate()  # and random.setstate(state) after the next line"
    assert suggest("consumed-elsewhere", "x = rng.random()", moved="a generator of the script's own") == ()


@pytest.mark.parametrize("cause", ["clock-value", "unknown", "set-order"])
def test_where_no_rule_fits_nothing_is_made_up(cause):
    assert suggest(cause, "frobnicate(x)") == ()
