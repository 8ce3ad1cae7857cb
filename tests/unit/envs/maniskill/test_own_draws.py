"""What one thread draws inside `OwnDraws` depends on its own generators alone, whatever other threads draw."""

from __future__ import annotations

import copy
import pickle
import random
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch.nn import functional

from sac.envs.errors import BadEnvironment
from sac.envs.maniskill import own_draws, torch_draws
from sac.envs.maniskill.own_draws import Generators, OwnDraws, Redirected
from tests.unit.envs.fakes import draw, global_states, pollute

X = torch.linspace(0.1, 0.9, 6)
DRAWS: dict[str, Callable[[], object]] = {
    "random.random": lambda: random.random(),
    "random.gauss": lambda: random.gauss(0, 1),
    "random.shuffle": lambda: random.sample(range(9), 9),
    "random.choices": lambda: random.choices("abc", k=5),
    "random.getrandbits": lambda: random.getrandbits(70),
    "np.rand": lambda: np.random.rand(3),
    "np.randn": lambda: np.random.randn(3),
    "np.choice": lambda: np.random.choice(9, 4),
    "np.sample": lambda: np.random.sample(2),
    "np.ranf": lambda: np.random.ranf(2),
    "np.permutation": lambda: np.random.permutation(9),
    "np.multivariate_normal": lambda: np.random.multivariate_normal([0, 0], [[1, 0], [0, 1]]),
    "torch.rand": lambda: torch.rand(3),
    "torch.randn": lambda: torch.randn(2, 2),
    "torch.randint": lambda: torch.randint(0, 99, (4,)),
    "torch.randperm": lambda: torch.randperm(9),
    "torch.normal": lambda: torch.normal(X, X),
    "torch.normal of numbers": lambda: torch.normal(0.0, 1.0, (3,)),
    "torch.bernoulli": lambda: torch.bernoulli(X),
    "torch.multinomial": lambda: torch.multinomial(X, 3),
    "torch.poisson": lambda: torch.poisson(X * 9),
    "torch.binomial": lambda: torch.binomial(X * 0 + 9, X),
    "torch.rand_like": lambda: torch.rand_like(X),
    "torch.randn_like": lambda: torch.randn_like(X, dtype=torch.float64),
    "torch.randint_like": lambda: torch.randint_like(X, 9),
    "torch.randint_like of two": lambda: torch.randint_like(X, 3, 9),
    "torch.randint_like by name": lambda: torch.randint_like(X, low=3, high=9),
    "Tensor.uniform_": lambda: X.clone().uniform_(2, 3),
    "Tensor.normal_": lambda: X.clone().normal_(),
    "Tensor.random_": lambda: X.clone().random_(5),
    "Tensor.exponential_": lambda: X.clone().exponential_(),
    "Tensor.geometric_": lambda: X.clone().geometric_(0.5),
    "Tensor.cauchy_": lambda: X.clone().cauchy_(),
    "Tensor.log_normal_": lambda: X.clone().log_normal_(),
    "Tensor.bernoulli_": lambda: X.clone().bernoulli_(0.5),
    "Tensor.bernoulli": lambda: X.bernoulli(),
    "Tensor.multinomial": lambda: X.multinomial(2),
    "nn.init": lambda: torch.nn.init.kaiming_uniform_(torch.empty(3, 3)),
    "nn.Linear": lambda: torch.nn.Linear(3, 3).weight,
    "Gamma": lambda: torch.distributions.Gamma(X, X).sample(),
    "Dirichlet": lambda: torch.distributions.Dirichlet(X).sample(),
    "Normal": lambda: torch.distributions.Normal(X, X).sample(),
    "F.dropout": lambda: functional.dropout(X, 0.5),
    "F.dropout in place": lambda: functional.dropout(X.clone(), 0.5, inplace=True),
    "F.gumbel_softmax": lambda: functional.gumbel_softmax(X),
}
REFUSED: dict[str, Callable[[], object]] = {
    "alpha_dropout": lambda: functional.alpha_dropout(X, 0.5, training=True),
    "feature_dropout": lambda: functional.dropout2d(X.reshape(1, 6, 1, 1), 0.5),
    "native_dropout": lambda: torch.native_dropout(X, 0.5, True),
    "rrelu": lambda: functional.rrelu(X, training=True),
    "lstm": lambda: torch.nn.LSTM(6, 2, num_layers=2, dropout=0.5)(X.reshape(1, 1, 6)),
    "scaled_dot_product_attention": lambda: functional.scaled_dot_product_attention(
        *[X.reshape(1, 1, 2, 3)] * 3, dropout_p=0.5
    ),
}


@pytest.fixture(autouse=True)
def keep_global_states() -> Iterator[None]:
    python, numpy, torch_state = random.getstate(), np.random.get_state(), torch.get_rng_state()
    yield
    random.setstate(python)
    np.random.set_state(numpy)
    torch.set_rng_state(torch_state)


def same(a: object, b: object) -> bool:
    if isinstance(a, torch.Tensor):
        assert isinstance(b, torch.Tensor)
        return a.dtype == b.dtype and torch.equal(a, b)
    return np.array_equal(np.asarray(a), np.asarray(b))


@pytest.mark.parametrize("name", DRAWS)
def test_a_draw_inside_is_that_of_the_global_generator_with_the_same_seed(name):
    """And it moves no global generator, nor depends on one."""
    pollute(7)
    random.seed(3)
    np.random.seed(3)
    torch.manual_seed(3)
    expected = [DRAWS[name](), DRAWS[name]()]
    pollute(8)
    before = global_states()
    with OwnDraws(Generators.seeded(3)):
        found = [DRAWS[name](), DRAWS[name]()]
    assert all(map(same, found, expected))
    assert not same(*expected)
    assert global_states() == before


@pytest.mark.parametrize("name", REFUSED)
def test_a_draw_that_takes_no_generator_is_refused_by_name(name):
    with (
        OwnDraws(Generators.seeded(3)),
        pytest.raises(BadEnvironment, match=f"torch's {name}, which"),
    ):
        REFUSED[name]()
    REFUSED[name]()


def test_layers_that_draw_nothing_are_let_through():
    with OwnDraws(Generators.seeded(3)):
        torch.nn.LSTM(6, 2)(X.reshape(1, 1, 6))
        functional.alpha_dropout(X, 0.5, training=False)
        functional.dropout(X, 0.5, training=False)
        functional.scaled_dot_product_attention(*[X.reshape(1, 1, 2, 3)] * 3)


def public_draws() -> set[str]:
    """Return the public functions of torch, and methods of tensors, of the operators that torch says draw."""
    names = set()
    for schema in torch._C._jit_get_all_schemas():
        space, _, name = schema.name.partition("::")
        operator = getattr(torch.ops.aten, name, None) if space == "aten" else None
        if operator is None or (schema.overload_name or "default") not in operator.overloads():
            continue
        drawn = torch.Tag.nondeterministic_seeded in getattr(operator, schema.overload_name or "default").tags
        if drawn and not name.startswith("_"):
            names |= {f"{where}.{name}" for where, owner in OWNERS.items() if hasattr(owner, name)}
    return names


OWNERS = {"torch": torch, "Tensor": torch.Tensor, "F": functional}
# Reached only through what is redirected or refused, or on other devices.
REACHED_OTHERWISE = {
    "torch.miopen_rnn": "a GPU's",
    "torch.random": "a module; the operator has no public function",
    "F.dropout": "torch._VF.dropout",
    "F.alpha_dropout": "torch._VF.alpha_dropout",
    "F.feature_alpha_dropout": "torch._VF.feature_alpha_dropout",
    "F.rrelu": "torch._VF.rrelu",
    "F.rrelu_": "torch._VF.rrelu_",
}


def test_every_function_that_torch_says_draws_is_redirected_or_refused():
    held = {
        f"{where}.{name}" for owner, name, _ in torch_draws.TORCH_DRAWS for where, it in OWNERS.items() if it is owner
    }
    assert len(public_draws()) > 30
    assert public_draws() - held - set(REACHED_OTHERWISE) == set()


def meddling(inside: Callable[[], object]) -> tuple[object, object]:
    """Return two draws of this thread; between them, while this one is `inside`, another draws from every generator."""
    turn, done = threading.Event(), threading.Event()

    def meddle() -> None:
        turn.wait()
        pollute(random.randrange(2**32))
        draw()
        done.set()

    other = threading.Thread(target=meddle)
    other.start()
    first = inside()
    turn.set()
    done.wait()
    second = inside()
    other.join()
    return first, second


@pytest.mark.parametrize("name", ["random.random", "np.rand", "torch.rand", "Tensor.normal_"])
def test_another_thread_can_draw_meanwhile_and_changes_nothing(name):
    with OwnDraws(Generators.seeded(3)):
        expected = DRAWS[name](), DRAWS[name]()
    with OwnDraws(Generators.seeded(3)):
        found = meddling(DRAWS[name])
    assert all(map(same, found, expected))


def test_without_own_draws_the_other_thread_is_noticed():
    """Negative control of the test above."""
    torch.manual_seed(3)
    expected = torch.rand(3), torch.rand(3)
    torch.manual_seed(3)
    assert not all(map(same, meddling(lambda: torch.rand(3)), expected))


def test_seeds_and_states_inside_are_those_of_the_threads_own_generators():
    before = global_states()
    with OwnDraws(Generators.seeded(3)):
        pollute(5)
        inside = global_states()
        first = draw()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(9)
            torch.rand(2)
        random.seed(5), random.gauss(0, 1), np.random.seed(5), np.random.randn(), torch.manual_seed(5)
        assert global_states() == inside
        assert np.array_equal(draw(), first)
    assert global_states() == before


def test_windows_nest_and_an_exception_leaves_them():
    outer, inner = OwnDraws(Generators.seeded(1)), OwnDraws(Generators.seeded(2))
    expected = [random.Random(1).random(), random.Random(2).random()]
    with outer:
        with pytest.raises(ZeroDivisionError), inner:
            assert random.random() == expected[1]
            raise ZeroDivisionError
        assert random.random() == expected[0]


def test_a_generator_that_the_task_names_is_the_one_that_is_drawn_from():
    mine = torch.Generator().manual_seed(9)
    expected = torch.rand(3, generator=torch.Generator().manual_seed(9))
    with OwnDraws(Generators.seeded(3)):
        assert torch.equal(torch.rand(3, generator=mine), expected)


def test_tables_of_handlers_find_a_function_by_its_stand_in():
    """As tensordict's table of `__torch_function__` handlers does."""
    own_draws.install()

    class Handled:
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            return {torch.rand_like: "handled"}[func]

    assert isinstance(torch.rand_like, Redirected)
    assert torch.rand_like(Handled()) == "handled"


def test_a_stand_in_is_copied_pickled_and_scripted_as_the_function_is():
    own_draws.install()
    assert pickle.loads(pickle.dumps(random.random)) is random.random
    assert copy.deepcopy(torch.rand) is torch.rand
    assert torch.rand.__name__ == "rand"
    assert random.random.__self__ is random._inst

    @torch.jit.script
    def scripted(n: int) -> torch.Tensor:
        return torch.rand([n])

    assert scripted(3).shape == (3,)
