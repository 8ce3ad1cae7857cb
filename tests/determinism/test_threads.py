"""One ledger, whatever the number of threads and the width of the CPU's vectors."""

from __future__ import annotations

import pytest

from sac.numerics import fingerprint, fixed_order
from tests.determinism.runs import assert_equal, assert_parts_at, run_here
from tests.unit.kernels.native import OFFERED

pytestmark = pytest.mark.skipif(not OFFERED, reason="this CPU has no FMA")
# Several blocks of rows, and more than one panel of columns, for the threads to share.
RUN = {"batch_size": 96, "total_timesteps": 128}
THREADS = [2, 3, 8]


@pytest.fixture(scope="module")
def one_thread(tmp_path_factory):
    return run_here(tmp_path_factory.mktemp("threads") / "one", **RUN)


@pytest.mark.parametrize("level", OFFERED)
@pytest.mark.parametrize("threads", THREADS)
def test_threads_and_vector_width_change_no_bit(one_thread, monkeypatch, tmp_path, threads, level):
    monkeypatch.setattr(fixed_order, "level", lambda: level)
    found = run_here(tmp_path / "run", threads=threads, **RUN)
    assert_equal(one_thread, found)
    assert fingerprint.differences(one_thread.header["fingerprint"], found.header["fingerprint"]) == []


def test_products_of_a_library_would_be_seen(one_thread, monkeypatch, tmp_path):
    """Negative control: the same run by another order of summation parts with the first gradient step."""
    monkeypatch.setattr(fixed_order, "level", lambda: None)
    found = run_here(tmp_path / "run", **RUN)
    assert_parts_at(one_thread, found, "update.critic_loss")
    headers = (ledger.header["fingerprint"] for ledger in (one_thread, found))
    assert "products: fixed order, onednn" in fingerprint.differences(*headers)
