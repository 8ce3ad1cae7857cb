"""Replay: a ring that holds the last rows of every environment, bit for bit."""

import math

import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sac.replay import ReplayBuffer, RowLayout
from sac.streams import Stream

CPU = torch.device("cpu")
SETTINGS = settings(max_examples=60, stateful_step_count=15)


def bits(tensor):
    return tensor.contiguous().view(torch.int32).tolist()


class AgainstList(RuleBasedStateMachine):
    """The buffer against a plain list of all that was ever added: row t lies at t modulo the capacity."""

    buffer_type = ReplayBuffer

    @initialize(capacity=st.integers(1, 7), num_envs=st.integers(1, 3), spare=st.integers(0, 2))
    def make(self, capacity, num_envs, spare):
        self.capacity, self.num_envs = capacity, num_envs
        self.layout = RowLayout(2, 1)
        self.buffer = self.buffer_type(self.layout, num_envs, capacity * num_envs + min(spare, num_envs - 1), CPU)
        self.history = []

    def _rows(self, steps):
        # Block k of a stream: any bits, among them infinities and NaNs, and no two rows alike.
        words = Stream(0, "rows").integers(len(self.history), 2**32, (steps, self.num_envs, self.layout.width))
        return torch.from_numpy((words - 2**31).astype("int32")).view(torch.float32)

    @rule(data=st.data())
    def add(self, data):
        rows = self._rows(data.draw(st.integers(0, self.capacity)))
        self.buffer.add(rows)
        self.history += rows.clone().unbind()
        rows.fill_(-1.0)

    @rule(extra=st.integers(1, 3))
    def add_too_many(self, extra):
        with pytest.raises(ValueError, match=f"ring of {self.capacity}"):
            self.buffer.add(self._rows(self.capacity + extra))

    @precondition(lambda self: self.history)
    @rule(data=st.data(), given_out=st.booleans())
    def gather(self, data, given_out):
        index = torch.tensor(data.draw(st.lists(st.integers(0, len(self.buffer) - 1), min_size=1, max_size=6)))
        out = torch.empty(len(index), self.layout.width) if given_out else None
        found = self.buffer.gather(index, out=out)
        assert out is None or found is out
        for flat, row in zip(index.tolist(), found, strict=True):
            assert bits(row) == bits(self._held(*divmod(flat, self.num_envs)))

    def _held(self, slot, env):
        newest_first = range(len(self.history) - 1, -1, -1)
        return self.history[next(t for t in newest_first if t % self.capacity == slot)][env]

    @invariant()
    def holds_the_last_rows(self):
        if not hasattr(self, "history"):
            return
        held = min(len(self.history), self.capacity)
        assert len(self.buffer) == held * self.num_envs
        if held:
            found = self.buffer.gather(torch.arange(len(self.buffer)))
            expected = torch.cat(self.history[-held:])
            assert sorted(bits(found)) == sorted(bits(expected))

    @invariant()
    def position_is_where_the_next_row_goes(self):
        if hasattr(self, "history"):
            assert self.buffer.state.position == len(self.history) % self.capacity
            assert self.buffer.state.rows.shape == (self.capacity, self.num_envs, self.layout.width)


TestReplayBuffer = AgainstList.TestCase
TestReplayBuffer.settings = SETTINGS


class DropsAtWrap(ReplayBuffer):
    """A fault: what doesn't fit before the end of the ring is lost."""

    def add(self, rows):
        first = min(rows.shape[0], self.state.rows.shape[0] - self.state.position)
        super().add(rows)
        self.state.rows[: rows.shape[0] - first] = 0.0


class SwapsEnvironments(ReplayBuffer):
    """A fault: rows of one environment land in another's column."""

    def add(self, rows):
        super().add(rows.flip(1))


class ForgetsSize(ReplayBuffer):
    """A fault: the count of rows held stops one short of the capacity."""

    def add(self, rows):
        super().add(rows)
        self.state.size = min(self.state.size, max(1, self.state.rows.shape[0] - 1))


class KeepsReference(ReplayBuffer):
    """A fault: a row added alone is not copied."""

    def add(self, rows):
        super().add(rows)
        if rows.shape == self.state.rows.shape:
            self.state.rows = rows


@pytest.mark.parametrize("fault", [DropsAtWrap, SwapsEnvironments, ForgetsSize, KeepsReference])
def test_the_list_model_catches_a_faulty_buffer(fault):
    machine = type("Faulty", (AgainstList,), {"buffer_type": fault})
    with pytest.raises(AssertionError):
        # Any failure will do: it need not be the smallest.
        run_state_machine_as_test(machine, settings=settings(SETTINGS, phases=[Phase.generate], database=None))


dims = st.tuples(st.integers(1, 5), st.integers(1, 4))


@given(dims, st.integers(1, 4), st.integers(1, 3), st.integers(0, 2**32))
def test_packed_rows_unpack_to_what_was_packed(dims, steps, num_envs, seed):
    layout, stream = RowLayout(*dims), Stream(seed, "test")
    draw = [torch.from_numpy(stream.normal(k, (steps, num_envs, width))) for k, width in enumerate((*dims, 1, dims[0]))]
    observation, action, reward, following = draw[0], draw[1], draw[2][..., 0], draw[3]
    stop = torch.from_numpy(stream.integers(9, 2, (steps, num_envs))).bool()
    rows = layout.pack(observation, action, reward, stop, following)
    assert rows.shape == (steps, num_envs, layout.width) and rows.dtype == torch.float32
    batch = layout.unpack(rows.flatten(0, 1))
    assert torch.equal(batch.observation, observation.flatten(0, 1))
    assert torch.equal(batch.action, action.flatten(0, 1))
    assert torch.equal(batch.reward, reward.flatten())
    assert torch.equal(batch.stop_bootstrap, stop.flatten().float())
    assert torch.equal(batch.next_observation, following.flatten(0, 1))
    assert torch.equal(batch.observation_action, torch.cat([batch.observation, batch.action], dim=-1))


def test_a_batch_is_made_of_views():
    layout = RowLayout(3, 2)
    rows = torch.zeros(4, layout.width)
    batch = layout.unpack(rows)
    rows.copy_(torch.arange(rows.numel()).view_as(rows))
    assert batch.reward.tolist() == rows[:, 5].tolist() and batch.stop_bootstrap.tolist() == rows[:, 6].tolist()
    assert all(view.untyped_storage().data_ptr() == rows.untyped_storage().data_ptr() for view in vars(batch).values())


def excess(counts):
    """Standard deviations by which the chi-square statistic of `counts` exceeds what uniform draws give."""
    expected = counts.sum() / counts.numel()
    statistic = float(((counts - expected) ** 2).sum() / expected)
    return (statistic - (counts.numel() - 1)) / math.sqrt(2 * (counts.numel() - 1))


def filled(steps):
    """A buffer of 8 rows of 3 environments after `steps` steps; each transition's reward is its number."""
    layout = RowLayout(1, 1)
    buffer = ReplayBuffer(layout, 3, 24, CPU)
    for t in range(steps):
        rows = torch.zeros(1, 3, layout.width)
        rows[..., 2] = torch.arange(3 * t, 3 * t + 3)
        buffer.add(rows)
    return buffer


def drawn(buffer, high):
    """How often each transition is drawn, oldest first, as the trainer draws them."""
    stream, steps = Stream(1, "replay.index"), 30
    index = [torch.from_numpy(stream.integers(k, high, (4, 64))) for k in range(steps)]
    rewards = buffer.layout.unpack(buffer.gather(torch.cat(index).flatten())).reward.long()
    return torch.bincount(rewards - rewards.min(), minlength=len(buffer)).double(), rewards.min()


@pytest.mark.parametrize("steps", [1, 5, 8, 19])
def test_every_transition_held_is_drawn_equally_often(steps):
    buffer = filled(steps)
    counts, oldest = drawn(buffer, len(buffer))
    assert counts.numel() == len(buffer) == 3 * min(steps, 8) and oldest == 3 * max(0, steps - 8)
    assert abs(excess(counts)) < 4


def test_uniformity_check_catches_draws_from_rows_never_written():
    buffer = filled(5)
    assert excess(drawn(buffer, buffer.state.rows.shape[0] * 3)[0]) > 4


@pytest.mark.parametrize("index", [-1, 24])
def test_an_index_outside_the_ring_is_refused(index):
    with pytest.raises((IndexError, RuntimeError)):
        filled(8).gather(torch.tensor([index]))
