"""Under the portable profile the learner computes with nothing whose last bit a CPU's vendor chooses."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from sac.config import TrainConfig
from sac.learner.fixed_order import FixedOrderLearner
from sac.learner.overlap import ActorCopy
from sac.learner.sac import Learner
from sac.numerics.matmul import BlasMatmul
from tests.unit.learner.cases import SMALL, SPEC, hidden, make_batch

pytestmark = pytest.mark.usefixtures("one_thread")

OF_THE_VENDOR = {
    *("tanh", "exp", "log", "sqrt", "rsqrt", "sin", "cos", "asin", "acos", "atan", "log1p", "exp2", "log2"),
    *("mm", "addmm", "bmm", "baddbmm", "matmul", "linear", "mv", "addmv", "dot", "std", "var", "norm"),
}
"""torch's functions that go through MKL on a CPU, whose rounding is the vendor's even in MKL's portable mode, and
products whose order of summation is the BLAS library's. docs/performance_diary.md has the measurements. A square is not
among them: it is one product, exact everywhere."""


class Operations(TorchDispatchMode):
    """Notes the operations on more than one number."""

    def __init__(self):
        super().__init__()
        self.seen = {}

    def __torch_dispatch__(self, function, types, arguments=(), named=None):
        result = function(*arguments, **(named or {}))
        name = function.overloadpacket.__name__.rstrip("_")
        sizes = [part.numel() for part in arguments if isinstance(part, torch.Tensor)]
        self.seen[name] = max([self.seen.get(name, 0), *sizes])
        return result


@contextmanager
def operations(kind):
    """Operations of an update, and of acting, by a learner of the portable profile."""
    with hidden(SMALL):
        config = TrainConfig(env_id="Point-v1", numerics="portable")
        learner = kind(config, SPEC, torch.device("cpu"))
        copy = ActorCopy(learner)
        batch, noise = make_batch(SPEC, 16)
        with Operations() as found:
            learner.update(batch, noise)
            copy.refresh()
            for policy in (learner, copy):
                policy.act(batch.observation, noise[0])
            learner.act_mean(batch.observation)
        yield found.seen


def of_the_vendor(seen):
    return {name for name, size in seen.items() if size > 1 and name in OF_THE_VENDOR}


# The learner, and what it must be seen to do, or else nothing was watched.
KINDS = [
    (FixedOrderLearner, {"sigmoid", "expm1"}),
    (Learner, {"sigmoid", "expm1", "softplus", "_linear_pointwise"}),
]


@pytest.mark.parametrize("kind, does", KINDS)
def test_no_operation_is_one_whose_rounding_is_the_vendors(kind, does):
    with operations(kind) as seen:
        assert of_the_vendor(seen) == set()
        assert does <= seen.keys(), "nothing was watched"


def test_the_kernels_leave_the_update_no_product_of_a_library():
    with operations(FixedOrderLearner) as seen:
        assert "_linear_pointwise" not in seen


@pytest.mark.parametrize("kind, does", KINDS)
@pytest.mark.parametrize("name", ["tanh", "exp"])
def test_a_function_of_the_library_would_be_noticed(monkeypatch, name, kind, does):
    monkeypatch.setattr(f"sac.learner.networks._{name}", getattr(torch, name))
    with operations(kind) as seen:
        assert of_the_vendor(seen) == {name}


def test_products_of_the_library_would_be_noticed(monkeypatch):
    monkeypatch.setattr("sac.learner.sac.matmul_for", lambda device: BlasMatmul())
    with operations(Learner) as seen:
        assert of_the_vendor(seen) == {"addmm", "baddbmm", "bmm", "mm"}
