"""One process at a time in a run folder, and no lock outlives its holder."""

from __future__ import annotations

import json

import pytest

from sac.config import BadConfig
from sac.run.lock import RunLock, RunLocked


def test_the_lock_of_another_host_is_believed(tmp_path):
    """Its kernel's lock may not be visible here."""
    (tmp_path / "lock").write_text(json.dumps({"pid": 1, "host": "elsewhere"}))
    with pytest.raises(RunLocked, match=r"process 1 on host 'elsewhere'.* remove .*lock"):
        RunLock(tmp_path / "lock")
    (tmp_path / "lock").unlink()
    RunLock(tmp_path / "lock").release()


@pytest.mark.parametrize("text", ["", "[]", "{", "nonsense", "[" * 5000, "\0" * 100])
def test_a_lock_file_that_says_nothing_is_no_lock(tmp_path, text):
    (tmp_path / "lock").write_text(text)
    RunLock(tmp_path / "lock").release()


def test_a_lock_that_a_full_disk_does_not_take_is_told_with_its_folder(tmp_path, monkeypatch):
    def full(self, text):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(RunLock, "_write", full)
        with pytest.raises(BadConfig, match=rf"{tmp_path}: can't be written \(No space left on device\)"):
            RunLock(tmp_path / "lock")
    RunLock(tmp_path / "lock").release()
