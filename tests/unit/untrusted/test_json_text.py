"""JSON is read as every other reader would, or refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sac.untrusted import fields, seal
from sac.untrusted.file import Unreadable
from sac.untrusted.json_text import DEPTH, DIGITS, parse, parse_object, read_object
from tests.examples import fewer

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=15,
)


@given(VALUES)
def test_what_python_writes_is_read(value):
    assert parse(json.dumps(value).encode()) == value


REFUSED = {
    "nothing": (b"", "Expecting value"),
    "more than one value": (b"{} {}", "Extra data"),
    "NaN": (b'{"a": NaN}', "NaN, which JSON does not have"),
    "infinity": (b'{"a": -Infinity}', "-Infinity, which JSON does not have"),
    "beyond a float": (b'{"a": 1e999}', "beyond the range of a float"),
    "a long integer": (b'{"a": ' + b"9" * 400 + b"}", "an integer of 400 digits"),
    "a longer one": (b'{"a": ' + b"9" * 10_000 + b"}", "an integer of 10000 digits"),
    "one name twice": (b'{"a": 1, "a": 2}', "two members of the name 'a'"),
    "deep": (b"[" * 100_000, "nested deeper|Expecting value"),
    "deep and closed": (b"[" * 200 + b"]" * 200, "nested deeper than 64"),
    "objects that are deep": (b'{"a":' * 300 + b"1" + b"}" * 300, "nested deeper than 64"),
    "no UTF-8": (b'{"a": "\xff"}', "no UTF-8 at byte 7"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "no UTF-8 at byte 0"),
    "a byte order mark": (b"\xef\xbb\xbf{}", "BOM|Expecting value"),
    "a control character in a text": (b'{"a": "\n"}', "Invalid control character"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_others_would_read_otherwise_is_refused(name):
    data, words = REFUSED[name]
    with pytest.raises(Unreadable, match=words):
        parse(data)


def test_python_itself_takes_much_of_it():
    """Negative control."""
    assert json.loads(REFUSED["one name twice"][0]) == {"a": 2}
    assert json.loads(REFUSED["beyond a float"][0]) == {"a": float("inf")}
    assert isinstance(json.loads(REFUSED["a long integer"][0])["a"], int)


def test_limits_are_what_they_say():
    assert parse(b"[" * DEPTH + b"]" * DEPTH) is not None
    with pytest.raises(Unreadable):
        parse(b"[" * (DEPTH + 1) + b"]" * (DEPTH + 1))
    assert parse(b"9" * DIGITS) == 10**DIGITS - 1
    assert str(parse(b"-0")) == str(parse(b"-0.0")) == "-0.0"


@pytest.mark.parametrize("data", [b"[]", b'"x"', b"null", b"3"])
def test_another_value_is_no_object(data, tmp_path):
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(Unreadable, match="expected a JSON object, found"):
        parse_object(data)
    with pytest.raises(Unreadable, match=r"/x: expected a JSON object"):
        read_object(tmp_path / "x")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (True, "an integer, found True"),
        (1.0, "an integer, found 1.0"),
        ("1", "an integer"),
        (-1, "a count"),
        (2**62, "a count"),
    ],
)
def test_a_count_is_an_integer_within_bounds(value, words):
    assert fields.count({"n": 7}, "n") == 7
    with pytest.raises(Unreadable, match=words):
        fields.count({"n": value}, "n")


def test_a_text_holds_no_zero_byte():
    assert fields.text("x") == "x"
    for value in ("a\0b", [], None):
        with pytest.raises(Unreadable, match="a text without zero bytes"):
            fields.text(value)


@given(st.dictionaries(st.text(), VALUES, min_size=1), st.data())
@fewer(2)
def test_a_seal_breaks_where_anything_changes(entry, data):
    entry.pop("sha256", None)
    whole = json.loads(json.dumps(seal.sealed(entry)))
    assert not seal.is_broken(whole)
    name = data.draw(st.sampled_from(sorted(whole)))
    assert seal.is_broken({**whole, name: "another"})
    assert not seal.is_broken(entry), "what an older release wrote holds no checksum"
