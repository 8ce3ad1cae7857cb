"""Ledgers are written line by line, and read strictly."""

import json
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sac.ledger.channels import CHANNELS
from sac.ledger.file import LedgerError, LedgerWriter, read_ledger
from sac.ledger.line import Line

HEADER = {"config": {"env_id": "Point-v1", "seed": 1}, "fingerprint": {"cpu": "x"}, "versions": {"torch": "2"}}
GOOD = '{"iteration": 0, "global_step": 0, "digests": {"env.seed": "0123456789abcdef"}, "values": {"loss": 0.1}}'


def write(path, count=3, **extra):
    with LedgerWriter(path, HEADER) as ledger:
        for k in range(count):
            ledger.write(
                k, 64 * k, {"param.actor": f"{k:016x}", "env.seed": f"{7 * k:016x}"}, {"loss": 0.1 * k, **extra}
            )
    return path


def test_what_is_written_is_read_again(tmp_path):
    ledger = read_ledger(write(tmp_path / "ledger.jsonl"))
    assert ledger.header == HEADER
    assert ledger.torn is None
    assert ledger.lines[2] == Line(2, 128, {"env.seed": f"{14:016x}", "param.actor": f"{2:016x}"}, {"loss": 0.2})


def test_a_run_folder_stands_for_its_ledger(tmp_path):
    assert read_ledger(write(tmp_path / "ledger.jsonl")) == read_ledger(tmp_path)


def test_bytes_do_not_depend_on_the_order_of_adding(tmp_path):
    digests = {channel: f"{k:016x}" for k, channel in enumerate(CHANNELS)}
    for name, order in (("a", list(CHANNELS)), ("b", list(CHANNELS)[::-1])):
        with LedgerWriter(tmp_path / name, HEADER) as ledger:
            ledger.write(0, 0, {channel: digests[channel] for channel in order}, {key: 1.0 for key in order})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert list(read_ledger(tmp_path / "b").lines[0].digests) == list(CHANNELS)


@given(st.floats())
def test_values_survive_bit_for_bit(tmp_path_factory, value):
    path = write(tmp_path_factory.mktemp("ledger") / "l", 1, x=value)
    json.loads(path.read_text().splitlines()[1], parse_constant=lambda name: pytest.fail(f"{name} isn't JSON"))
    seen = read_ledger(path).lines[0].values["x"]
    assert math.isnan(seen) if math.isnan(value) else struct.pack("<d", seen) == struct.pack("<d", value)


def test_a_last_line_torn_at_any_byte_is_reported_and_the_rest_read(tmp_path):
    whole = write(tmp_path / "whole").read_bytes()
    lines = read_ledger(tmp_path / "whole").lines
    start = whole[:-1].rindex(b"\n") + 1
    for end in range(start, len(whole) + 1):
        (tmp_path / "torn").write_bytes(whole[:end])
        ledger = read_ledger(tmp_path / "torn")
        complete = end >= len(whole) - 1  # a line that lacks only its line feed is whole
        assert ledger.lines == (lines if complete else lines[:-1]), end
        assert ledger.torn == (None if complete or end == start else whole[start:end].decode()), end


def test_a_tear_within_a_character_is_survived(tmp_path):
    path = write(tmp_path / "l")
    path.write_bytes(path.read_bytes() + '{"é'.encode()[:-1])
    assert read_ledger(path).torn is not None


def test_a_torn_header_is_an_error(tmp_path):
    whole = write(tmp_path / "whole", 0).read_bytes()
    for end in range(len(whole) - 1):
        (tmp_path / "torn").write_bytes(whole[:end])
        with pytest.raises(LedgerError, match=r"torn:1: expected a header"):
            read_ledger(tmp_path / "torn")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["{", GOOD], r":1: expected a JSON object"),
        (["[]", GOOD], r":1: expected a JSON object"),
        (['{"config": {}}', GOOD], r':1: expected a header {"ledger": 1'),
        (['{"ledger": 2}', GOOD], r":1: expected ledger version 1, found 2"),
        (['{"ledger": true}', GOOD], r":1: expected ledger version 1, found True"),
        (['{"ledger": 1, "config": 3}', GOOD], r":1: expected 'config' to be an object, found 3"),
        (['{"ledger": 1}', "{", GOOD], r":2: expected a JSON object"),
        (['{"ledger": 1}', "", GOOD], r":2: expected a JSON object"),
        (['{"ledger": 1}', GOOD[:-5]], r":2: expected a JSON object"),
        (['{"ledger": 1}', GOOD, GOOD], r":3: expected an iteration above 0, found 0"),
        (['{"ledger": 1}', GOOD.replace(": 0,", ": -1,", 1)], r":2: expected an iteration above -1, found -1"),
        (
            ['{"ledger": 1}', GOOD.replace(": 0,", ": true,", 1)],
            r":2: expected 'iteration' to be an integer, .* True",
        ),
        (
            ['{"ledger": 1}', GOOD.replace('"global_step": 0, ', "")],
            r":2: expected 'global_step' .*found none",
        ),
        (['{"ledger": 1}', GOOD.replace("env.seed", "env.sead")], r":2: expected channels .*found 'env.sead'"),
        (['{"ledger": 1}', GOOD.replace("cdef", "CDEF")], r":2: expected 16 hexadecimal digits for env.seed"),
        (['{"ledger": 1}', GOOD.replace("0.1", '"0.1"')], r":2: expected a float, found '0.1'"),
        (['{"ledger": 1}', GOOD.replace("0.1", "[]")], r":2: expected a float, found \[\]"),
    ],
)
def test_a_malformed_line_says_where_and_what_was_expected(tmp_path, rows, message):
    path = tmp_path / "l"
    path.write_text("\n".join(rows) + "\n")
    with pytest.raises(LedgerError, match=message) as caught:
        read_ledger(path)
    assert str(path) in str(caught.value)


def test_a_missing_ledger_says_what_was_expected(tmp_path):
    with pytest.raises(LedgerError, match=r"ledger\.jsonl: can't read .*Expected a run folder"):
        read_ledger(tmp_path)


def test_the_writer_refuses_what_a_reader_would(tmp_path):
    with LedgerWriter(tmp_path / "l", HEADER) as ledger:
        ledger.write(3, 0, {})
        with pytest.raises(ValueError, match="iterations must rise: 3 after 3"):
            ledger.write(3, 0, {})
        with pytest.raises(ValueError, match=r"unknown channels \['env.sead'\]"):
            ledger.write(4, 0, {"env.sead": "0"})
        with pytest.raises(ValueError, match=r"16 hexadecimal digits for env.seed, found 'x'"):
            ledger.write(4, 0, {"env.seed": "x"})
    assert len(read_ledger(tmp_path / "l").lines) == 1


def test_each_line_can_be_read_as_soon_as_it_is_written(tmp_path):
    """What waits in the process is lost when it is killed."""
    path = tmp_path / "l"
    with LedgerWriter(path, HEADER) as ledger:
        for iteration in range(3):
            ledger.write(iteration, 64 * iteration, {})
            assert [line.iteration for line in read_ledger(path).lines] == list(range(iteration + 1))
