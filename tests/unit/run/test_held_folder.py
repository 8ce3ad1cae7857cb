"""A folder that is held is written to wherever it goes, and what becomes of it is told."""

import os
import shutil

import pytest

from sac.run import storage
from sac.run.held_folder import FolderLost, FolderMoved, HeldFolder
from sac.run.storage import StorageError


@pytest.fixture
def root(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "ledger.jsonl").write_text("{}\n")
    return tmp_path / "run"


@pytest.fixture
def held(root):
    with HeldFolder(root) as folder:
        folder.watch(root / "ledger.jsonl")
        yield folder


def test_a_folder_that_stays_is_intact(root, held):
    held.require_intact()
    (root / "ledger.jsonl").write_text("{}\n{}\n")
    (root / "other").touch()
    held.require_intact(at_the_end=True)
    assert held.is_in_place()


def test_a_folder_that_was_moved_is_still_written_to_and_named(root, held):
    root.rename(root.with_name("elsewhere"))
    root.mkdir()
    storage.make_folder(root / "checkpoints" / "states", held)
    storage.write_atomically(root / "checkpoints" / "states" / "x", b"1", held)
    assert (root.with_name("elsewhere") / "checkpoints" / "states" / "x").read_bytes() == b"1"
    assert list(root.iterdir()) == []
    with pytest.raises(FolderMoved, match=rf"{root}: was moved to {root.with_name('elsewhere')}") as caught:
        held.require_intact()
    assert caught.value.root == root.with_name("elsewhere")
    assert not held.is_in_place()


@pytest.mark.parametrize("again", [False, True])
def test_a_folder_that_was_deleted_is_named_also_where_another_stands_in_its_place(root, held, again):
    shutil.rmtree(root)
    if again:
        root.mkdir()
    with pytest.raises(FolderLost, match=rf"{root}: was deleted during the run"):
        held.require_intact()
    with pytest.raises(StorageError, match=r"policy\.pt: can't be written: No such file"):
        storage.write_atomically(root / "policy.pt", b"1", held)
    assert root.exists() == again


def test_a_file_that_was_deleted_or_replaced_is_named(root, held):
    (root / "ledger.jsonl").unlink()
    with pytest.raises(FolderLost, match=r"ledger\.jsonl: was deleted or moved"):
        held.require_intact()
    # The number of the inode that has gone is not given away while it is held.
    (root / "ledger.jsonl").write_text("{}\n")
    with pytest.raises(FolderLost, match=r"ledger\.jsonl: was replaced by another"):
        held.require_intact()


def test_a_folder_below_is_made_once(root, held):
    states = root / "checkpoints" / "states"
    storage.make_folder(states, held)
    storage.make_folder(states, held)
    shutil.rmtree(root / "checkpoints")
    storage.make_folder(states, held)
    assert not (root / "checkpoints").exists()
    with pytest.raises(FolderLost, match="checkpoints: was deleted"):
        held.require_intact()


def test_what_is_watched_for_the_end_stops_nothing_before(root, held):
    (root / "events").touch()
    held.watch(root / "events", for_the_end=True)
    (root / "events").unlink()
    held.require_intact()
    with pytest.raises(FolderLost, match=r"events: was deleted.*all else of it is whole"):
        held.require_intact(at_the_end=True)


def test_a_link_to_the_folder_and_the_working_directory_may_change(root, tmp_path, monkeypatch):
    (tmp_path / "latest").symlink_to(root)
    monkeypatch.chdir(tmp_path)
    with HeldFolder((tmp_path / "latest").relative_to(tmp_path)) as held:
        (tmp_path / "latest").unlink()
        (tmp_path / "latest").symlink_to("nowhere")
        monkeypatch.chdir(root)
        held.require_intact()
        storage.write_atomically(held.path / "x", b"1", held)
    assert (root / "x").read_bytes() == b"1"


def test_rows_whose_beginning_is_gone_are_not_made_again_with_a_hole(root, held):
    storage.write_at(root / "rows", 0, b"123", held)
    storage.write_at(root / "rows", 3, b"456", held)
    storage.require_length(root / "rows", 6, held)
    (root / "rows").unlink()
    with pytest.raises(StorageError, match="rows: can't be written: No such file"):
        storage.write_at(root / "rows", 6, b"789", held)
    with pytest.raises(StorageError, match="rows: can't be written: No such file"):
        storage.require_length(root / "rows", 6, held)
    (root / "rows").write_bytes(b"1")
    with pytest.raises(StorageError, match="6 bytes were written, and it has only 1 now"):
        storage.require_length(root / "rows", 6, held)


def test_all_descriptors_are_let_go(root):
    before = len(os.listdir("/proc/self/fd"))
    with HeldFolder(root) as held:
        for _ in range(2):
            held.watch(root / "ledger.jsonl")
    held.close()
    assert len(os.listdir("/proc/self/fd")) == before
