"""Names are followed from a source to a line; what has nothing to do with it isn't."""

from __future__ import annotations

import textwrap

import pytest

from sac.why.reachability import becomes_seed, can_reach, decides

FILES = {
    "through an assignment": ("seed = time.time()\ntorch.manual_seed(seed)\n", 1, 2, True),
    "through two": ("a = clock()\nb = a + 1\nuse(b)\n", 1, 3, True),
    "not to a stranger": ("a = clock()\nb = 1\nuse(b)\n", 1, 3, False),
    "into a loop's body": ("for name in names:\n    use(name)\n", 1, 2, True),
    "through what a loop fills": ("for name in names:\n    found.append(1)\nuse(found)\n", 1, 3, True),
    "through a function's parameter": ("def f(x):\n    use(x)\na = clock()\nf(a)\n", 3, 2, True),
    "through what a function returns": ("def f():\n    return clock()\na = f()\nuse(a)\n", 2, 4, True),
    "through an attribute": ("self.seed = clock()\nuse(self.seed)\n", 1, 2, True),
    "not through a module": ("import torch\na = clock()\ntorch.log(a)\ntorch.rand(2)\n", 2, 4, False),
    "through a part to the whole": ("a = clock()\nadam.groups[0]['lr'] *= a\nadam.step()\n", 1, 3, True),
    "not through self to all of it": ("a = clock()\nself.seen[0] = a\nself.net.step()\n", 1, 3, False),
    "through what leaves a loop": ("while True:\n    if clock() > end:\n        break\n    step()\n", 2, 4, True),
    "not out of a function": ("def f():\n    if clock() > end:\n        return\nstep()\n", 2, 4, False),
    "on one line": ("use(clock())\n", 1, 1, True),
}


@pytest.mark.parametrize("name", FILES)
def test_values_are_followed(tmp_path, name):
    code, source, target, expected = FILES[name]
    file = tmp_path / "script.py"
    file.write_text(textwrap.dedent(code))
    assert can_reach(file, source, target) == expected


def test_a_file_that_cannot_be_parsed_reaches_nothing(tmp_path):
    file = tmp_path / "script.py"
    file.write_text("def (:\n")
    assert not can_reach(file, 1, 2)


@pytest.mark.parametrize(
    "code, expected",
    [
        ("kept = [name for name in names if hash(name) % 2]\n", True),
        ("order = sorted(names, key=lambda name: hash(name))\n", True),
        ("if hash(name) % 2:\n    train()\n", True),
        ("rate = 0.1 if hash(name) else 0.2\n", True),
        ("seed = hash(name)\n", False),
        ("seeds = [hash((name, rank)) for rank in range(4)]\n", False),
        ("kept = [hash(name) for name in names if is_own(name)]\n", False),
    ],
)
def test_a_call_in_a_condition_decides_and_another_gives_a_value(tmp_path, code, expected):
    file = tmp_path / "script.py"
    file.write_text(code)
    assert decides(file, 1, ["hash"]) == expected


def test_a_method_in_a_condition_is_known_by_its_last_name(tmp_path):
    file = tmp_path / "script.py"
    file.write_text("while time.monotonic() < end:\n    step()\n")
    assert decides(file, 1, ["os.urandom", "time.monotonic"])
    assert not decides(file, 2, ["time.monotonic"])


@pytest.mark.parametrize(
    "line",
    [
        "model = Regressor(random_state=int(time.time()))",
        "model = Regressor(leaves=3, bagging_seed=time.time())",
        "config.seed = int(time.time())",
        "key = jax.random.PRNGKey(int(time.time()))",
        "model = MLP(rngs=nnx.Rngs(int(time.time())))",
        "library.set_seed(int(time.time()))",
    ],
)
def test_what_is_handed_over_as_a_seed_becomes_one(tmp_path, line):
    file = tmp_path / "script.py"
    file.write_text(line + "\n")
    assert becomes_seed(file, 1, ("time.time",))
    assert not becomes_seed(file, 1, ("os.getpid",))


@pytest.mark.parametrize("line", ["began = time.time()", "log(seed, now=time.time())", "seeded = time.time()"])
def test_what_is_not_called_a_seed_is_none(tmp_path, line):
    file = tmp_path / "script.py"
    file.write_text(line + "\n")
    assert not becomes_seed(file, 1, ("time.time",))
