"""Only regular files are read, and nothing that stands in their place can block."""

from __future__ import annotations

import os
import socket

import pytest

from sac.untrusted.checksum import Extent, RunningChecksum, read_checksum
from sac.untrusted.file import Unreadable, open_regular, read_bytes


def test_a_file_is_read(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("x")
    assert read_bytes(tmp_path / "link", 3) == b"abc"
    with pytest.raises(Unreadable, match="has 3 bytes, more than the 2 that it may have"):
        read_bytes(tmp_path / "x", 2)


def test_what_stands_in_its_place_is_named_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "circle").symlink_to("circle")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(tmp_path / "socket"))
        words = {"pipe": "a pipe", "folder": "a folder", "socket": "a socket", "circle": "levels of symbolic links"}
        for name, kind in words.items():
            with pytest.raises(Unreadable, match=kind) as caught:
                open_regular(tmp_path / name)
            assert str(tmp_path / name) in str(caught.value)
    with pytest.raises(Unreadable, match="a device"):
        open_regular(tmp_path.joinpath("/dev/zero"))
    with pytest.raises(Unreadable, match="no such file") as caught:
        open_regular(tmp_path / "nowhere")
    assert caught.value.missing
    with pytest.raises(Unreadable, match="null byte"):
        open_regular(tmp_path / "a\0b")


def test_a_checksum_goes_on_where_it_was(tmp_path):
    (tmp_path / "x").write_bytes(b"header\nbody")
    whole = RunningChecksum()
    whole.add(b"body and more")
    half = read_checksum(tmp_path / "x", 7)
    half.add(b" and more")
    assert half.extent == whole.extent
    assert read_checksum(tmp_path / "x", 7, 0).extent == RunningChecksum().extent == Extent(0, checksum_of_nothing())
    with pytest.raises(Unreadable, match="cut short: it has 11 bytes, 12 were written"):
        read_checksum(tmp_path / "x", 7, 5)


def checksum_of_nothing():
    return "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
