"""What can't be printed is dropped and remembered; all else arrives as it was."""

import errno
import os
import sys
import threading

import pytest

import sac.cli
from sac import standard_streams
from sac.cli import program
from sac.commands.exit_status import UNFORESEEN
from sac.standard_streams import LenientWriter


@pytest.fixture
def pipe():
    ends = list(os.pipe())
    yield ends
    for end in ends:
        if end >= 0:
            os.close(end)


def test_what_can_be_written_arrives(pipe):
    writer = LenientWriter(pipe[1], "<out>")
    assert writer.write(b"words") == 5
    assert os.read(pipe[0], 10) == b"words"
    assert (writer.lost, writer.name) == (None, "<out>")


def test_a_reader_that_has_gone_is_remembered_and_no_error(pipe):
    os.close(pipe[0])
    pipe[0] = -1
    writer = LenientWriter(pipe[1], "<out>")
    assert [writer.write(b"words"), writer.write(b"more")] == [5, 4]
    assert writer.lost.errno == errno.EPIPE


def test_a_full_disk_is_remembered_and_no_error():
    with open("/dev/full", "wb", buffering=0) as full:
        writer = LenientWriter(full.fileno(), "<out>")
        assert writer.write(memoryview(b"words")) == 5
        assert writer.lost.errno == errno.ENOSPC


def test_a_pipe_that_does_not_block_loses_nothing(pipe):
    os.set_blocking(pipe[1], False)
    data, found = b"x" * 300_000, bytearray()

    def read():
        while len(found) < len(data):
            found.extend(os.read(pipe[0], 65536))

    reader = threading.Thread(target=read)
    writer, written = LenientWriter(pipe[1], "<out>"), 0
    reader.start()
    while written < len(data):
        written += writer.write(data[written:])
    reader.join()
    assert (bytes(found), writer.lost) == (data, None)


def broken(arguments):
    raise RuntimeError("planted")


def test_an_error_that_nobody_foresaw_has_a_status_of_its_own(monkeypatch, capsys):
    monkeypatch.setattr(standard_streams, "protect", lambda: None)
    monkeypatch.setitem(sac.cli._COMMANDS, "diff", broken)
    monkeypatch.setattr(sys, "argv", ["sac", "diff", "a", "b"])
    assert program() == UNFORESEEN == 70
    captured = capsys.readouterr()
    assert "Traceback" in captured.err and "sac: unforeseen error: RuntimeError: planted" in captured.err
    assert captured.out == ""


def test_the_statuses_are_told(capsys):
    assert sac.cli.main(["--help"]) == 0
    assert "70 an error that nobody foresaw" in " ".join(capsys.readouterr().out.split())
