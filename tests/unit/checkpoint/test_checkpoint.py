"""A checkpoint holds all of the state, and no damage to it goes unseen."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sac.checkpoint import checkpoint as module
from sac.checkpoint.checkpoint import Cadence, Checkpoints, Position, read_checkpoint, split
from sac.checkpoint.index import BadCheckpoint, index_path, list_iterations, read_index, tensor_path
from sac.checkpoint.replay_log import Journal
from sac.checkpoint.resume import find_run, open_checkpoint
from sac.cli import main
from sac.state import ReplayState, TrainState, walk
from tests.examples import fewer, some_of
from tests.unit.tiny_runs import CONFIG, FINGERPRINT, advance, tiny_run, tiny_state

TRIED = 150
"""Places of a file that a gate damages, one at a time; a checksum knows none of them from another."""


def content(state):
    return {
        name: leaf if isinstance(leaf, int) else torch.as_tensor(leaf).numpy().tobytes() for name, leaf in walk(state)
    }


def test_what_is_saved_is_what_is_loaded_leaf_by_leaf(tmp_path):
    state, fresh = tiny_state(), tiny_state()
    for _ in range(5):
        advance(state)
    Checkpoints(tmp_path, CONFIG, FINGERPRINT).save(state, Position(7, 9))
    checkpoint = read_checkpoint(tmp_path, 5)
    assert content(fresh) != content(state)
    views = fresh.learner.actor.views["w"]
    checkpoint.fill(fresh)
    assert content(fresh) == content(state)
    assert torch.equal(views, state.learner.actor.views["w"]), "views must see what was loaded"
    assert (checkpoint.index.ledger_bytes, checkpoint.index.metrics_bytes) == (7, 9)


@dataclasses.dataclass
class WithLate(TrainState):
    """The state as it may be one day."""

    late: torch.Tensor = dataclasses.field(default_factory=lambda: torch.ones(3))


def with_late():
    state = tiny_state()
    return WithLate(**{field.name: getattr(state, field.name) for field in dataclasses.fields(state)})


def test_a_field_added_later_is_saved_and_a_checkpoint_without_it_is_refused(tmp_path):
    state = with_late()
    state.late[1] = 5.0
    Checkpoints(tmp_path / "new", CONFIG, FINGERPRINT).save(state, Position(0, 0))
    fresh = with_late()
    read_checkpoint(tmp_path / "new", 0).fill(fresh)
    assert fresh.late.tolist() == [1.0, 5.0, 1.0]
    Checkpoints(tmp_path / "old", CONFIG, FINGERPRINT).save(tiny_state(), Position(0, 0))
    with pytest.raises(BadCheckpoint, match=r"another state than this release has, they differ in late"):
        read_checkpoint(tmp_path / "old", 0).fill(with_late())


def test_a_leaf_that_cannot_be_stored_stops_the_save():
    state = tiny_state()
    state.learner.updates = "many"
    with pytest.raises(TypeError, match=r"learner\.updates"):
        split(state)


def test_the_newest_checkpoints_are_kept_and_nothing_else(tmp_path):
    resume = tiny_run(tmp_path, iterations=(1, 2, 3, 4), keep=2)
    names = sorted(path.name for path in resume.folder.states.iterdir())
    stems = [f"state-{k:012d}.{kind}" for k in (3, 4) for kind in ("json", "safetensors")]
    assert names == sorted(["rows-000000000000.f32", *stems])


def test_a_finished_run_keeps_one_checkpoint_and_the_rows_that_it_needs(tmp_path):
    state, config = tiny_state(), dataclasses.replace(CONFIG, keep_checkpoints=3)
    # A file for each iteration's two rows; the ring holds six.
    checkpoints = Checkpoints(tmp_path, config, FINGERPRINT, Journal(tmp_path, segment_bytes=2 * 24))
    for _ in range(5):
        advance(state)
        checkpoints.save(state, Position(0, 0))
    assert list_iterations(tmp_path) == [3, 4, 5] and len(list(tmp_path.glob("rows-*"))) == 5
    size = checkpoints.finish(state, Position(0, 0))
    assert list_iterations(tmp_path) == [5] and len(list(tmp_path.glob("rows-*"))) == 3
    assert size == sum(path.stat().st_size for path in tmp_path.iterdir())
    fresh = tiny_state()
    read_checkpoint(tmp_path, 5).fill(fresh)
    assert content(fresh) == content(state)


def flipped(path: Path, positions, seed=0):
    """Yield after flipping one bit of each of these bytes; the file is whole again in the end."""
    whole, draw = path.read_bytes(), random.Random(seed)
    for position in positions:
        damaged = bytearray(whole)
        damaged[position] ^= 1 << draw.randrange(8)
        path.write_bytes(damaged)
        yield position
    path.write_bytes(whole)


def refusal(resume):
    with pytest.raises(BadCheckpoint) as caught:
        open_checkpoint(resume)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_any_flipped_byte_of_the_record_is_detected_named_and_the_previous_one_offered(tmp_path):
    resume = tiny_run(tmp_path)
    path = index_path(resume.folder.states, 3)
    count = 0
    for _ in flipped(path, some_of(range(path.stat().st_size), TRIED)):
        message = refusal(resume)
        assert path.name in message and f"sac train --resume {tmp_path} --resume_from 2" in message
        count += 1
    assert open_checkpoint(resume).index.iteration == 3
    print(f"\n{count} bytes flipped in a record, {count} detected")


def test_any_flipped_byte_of_the_tensors_and_their_header_is_detected(tmp_path):
    resume = tiny_run(tmp_path)
    path = tensor_path(resume.folder.states, 3)
    size = path.stat().st_size
    header = 8 + int.from_bytes(path.read_bytes()[:8], "little")
    places = [*some_of(range(header), TRIED), *some_of(range(header, size), TRIED)]
    for _ in flipped(path, places):
        message = refusal(resume)
        assert path.name in message and "--resume_from 2" in message
    assert open_checkpoint(resume).index.iteration == 3
    print(f"\n{len(places)} of {size} bytes flipped, all detected")


def test_flipped_replay_rows_are_detected_and_an_older_checkpoint_is_offered_where_it_does_not_share_them(tmp_path):
    resume = tiny_run(tmp_path)
    older, newer = (read_index(resume.folder.states, k).segments[0] for k in (2, 3))
    path = newer.path(resume.folder.states)
    assert older.path(resume.folder.states) == path and 0 < older.size < newer.size == path.stat().st_size
    for position in flipped(path, range(newer.size)):
        message = refusal(resume)
        offered = "--resume_from 2" in message
        assert path.name in message and offered == (position >= older.size)
    assert open_checkpoint(resume).index.iteration == 3


@pytest.mark.parametrize("kind", ["json", "safetensors", "f32"])
def test_a_truncated_file_is_detected_at_any_length(tmp_path, kind):
    resume = tiny_run(tmp_path)
    path = sorted(resume.folder.states.glob(f"*.{kind}"))[-1]
    whole = path.read_bytes()
    for length in some_of(range(0, len(whole), 7), TRIED):
        path.write_bytes(whole[:length])
        assert path.name in refusal(resume)
    path.write_bytes(whole)
    assert open_checkpoint(resume) is not None


def test_a_truncation_at_every_4_kib_of_a_real_networks_file_is_detected(tmp_path):
    resume = tiny_run(tmp_path)
    state = tiny_state()
    state.learner.critic.flat.resize_(300_000).normal_()
    for _ in range(5):
        advance(state)
    Checkpoints(resume.folder.states, CONFIG, FINGERPRINT).save(state, Position(0, 0))
    path = tensor_path(resume.folder.states, 5)
    lengths = some_of(range(path.stat().st_size // 4096 * 4096, 0, -4096), TRIED // 2)
    for length in lengths:
        with path.open("r+b") as file:
            file.truncate(length)
        assert path.name in refusal(resume)
    print(f"\n{len(lengths)} truncations, all detected")


def test_without_the_checksum_a_flip_would_go_unseen(tmp_path, monkeypatch):
    """Negative control: the tests above see the checksum at work, not some other check."""
    resume = tiny_run(tmp_path)
    path = tensor_path(resume.folder.states, 3)
    expected = read_index(resume.folder.states, 3).tensor_sha256

    class Blind:
        def hexdigest(self):
            return expected

    kept = read_index(resume.folder.states, 3)
    for _ in flipped(path, [path.stat().st_size - 1]):
        with monkeypatch.context() as patched:
            patched.setattr(module, "read_index", lambda *arguments: kept)
            patched.setattr(module.hashlib, "sha256", lambda data=b"": Blind())
            assert read_checkpoint(resume.folder.states, 3) is not None


def test_an_older_checkpoint_can_be_asked_for_and_one_that_is_not_there_is_refused(tmp_path):
    resume = tiny_run(tmp_path)
    assert open_checkpoint(dataclasses.replace(resume, iteration=2)).index.iteration == 2
    with pytest.raises(ValueError, match=r"--resume_from 7: there are checkpoints of iterations \[2, 3\]"):
        open_checkpoint(dataclasses.replace(resume, iteration=7))


def test_a_run_without_a_checkpoint_starts_from_the_beginning(tmp_path):
    resume = tiny_run(tmp_path)
    for path in resume.folder.states.iterdir():
        path.unlink()
    assert open_checkpoint(find_run(tmp_path, None, False)) is None


@given(
    st.integers(1, 7),
    st.lists(st.integers(0, 11), min_size=1, max_size=8),
    st.integers(1, 5),
    st.integers(1, 8),
)
@fewer(3)
def test_the_journal_gives_back_the_ring_after_any_sequence_of_saves(
    tmp_path_factory, capacity, batches, segment, older
):
    """Model: the ring itself. Rows are 8 bytes; `segment` rows fill a file."""
    folder = tmp_path_factory.mktemp("journal")
    journal, state = Journal(folder, segment_bytes=8 * segment), ReplayState(torch.zeros(capacity, 1, 2))
    saved = []
    for rows in batches:
        for _ in range(rows):
            state.rows[state.position] = state.written + 1
            state.position = (state.position + 1) % capacity
            state.written += 1
            state.size = min(state.written, capacity)
        saved.append((journal.append(state), dataclasses.replace(state, rows=state.rows.clone())))
    for segments, expected in saved[-older:]:
        found = dataclasses.replace(expected, rows=torch.zeros_like(expected.rows))
        Journal(folder, segment_bytes=8 * segment).load(segments, found)
        assert torch.equal(found.rows, expected.rows)


def test_saving_writes_only_what_is_new(tmp_path, monkeypatch):
    written = []
    real = module.storage.write_at
    monkeypatch.setattr(
        module.storage,
        "write_at",
        lambda path, offset, data, held: (written.append(len(data)), real(path, offset, data, held)),
    )
    state = tiny_state()
    checkpoints = Checkpoints(tmp_path, CONFIG, FINGERPRINT)
    for _ in range(6):
        advance(state)
        checkpoints.save(state, Position(0, 0))
    assert written == [2 * 2 * 3 * 4] * 6


@pytest.mark.parametrize(
    "text, moments, expected",
    [
        ("3", [(k, 0.0) for k in range(1, 8)], [3, 6]),
        ("0", [(k, 1e9) for k in range(1, 8)], []),
        ("2m", [(1, 60.0), (2, 119.9), (3, 120.0), (4, 200.0), (5, 240.0), (6, 250.0)], [3, 5]),
        ("0.5m", [(1, 29.0), (2, 31.0), (3, 60.9), (4, 61.0)], [2, 4]),
    ],
)
def test_checkpoints_are_due_after_iterations_or_minutes(text, moments, expected):
    now = [0.0]
    cadence, due = Cadence(text, clock=lambda: now[0]), []
    for iteration, now[0] in moments:
        if cadence.due(iteration):
            due.append(iteration)
    assert due == expected


@pytest.mark.parametrize("text", ["", "m", "-1", "10 m", "1e3", "10s", "nan", "1.5", "9" * 30])
def test_a_cadence_that_is_none_is_refused(capsys, text):
    assert main(["train", "--env_id=Point-v1", f"--checkpoint_freq={text}"]) == 2
    assert "--checkpoint_freq" in capsys.readouterr().err


def test_arrays_of_the_state_keep_their_kind(tmp_path):
    state = tiny_state()
    Checkpoints(tmp_path, CONFIG, FINGERPRINT).save(state, Position(0, 0))
    fresh = tiny_state()
    read_checkpoint(tmp_path, 0).fill(fresh)
    assert isinstance(fresh.collector.episodes, np.ndarray)
    assert list_iterations(tmp_path) == [0]
