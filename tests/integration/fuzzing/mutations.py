"""Ways to spoil a file: bits, bytes, lines, members of JSON objects, and what stands in the file's place."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

from hypothesis import strategies as st

from sac.untrusted.seal import is_sealed, sealed

RAW = ["NaN", "-Infinity", "1e999", "9" * 400, "-0", "-1", "0.5", "5", "true", "null", "[]", "{}", '"x"', '"\\ud800"']
RAW += [
    '"\\u001b[31m\\u202e"',
    '"a\\u0000b"',
    '"../../x"',
    "[" * 500 + "]" * 500,
    '"<script>|`$(touch pwn)`"',
    '"9"',
    "1e18",
]
"""Texts that stand for a value, JSON or not."""
_HOLE = "@hole@"


@st.composite
def spoiled_bytes(draw: st.DrawFn, data: bytes) -> bytes:
    """Bytes flipped, cut, put in, or put twice."""
    place = draw(st.integers(0, max(0, len(data) - 1)))
    length = draw(st.sampled_from([1, 2, 16, 300]))
    kind = draw(st.sampled_from(["flip", "cut", "end", "insert", "double", "zeros"]))
    if kind == "flip" and data:
        return data[:place] + bytes([data[place] ^ (1 << draw(st.integers(0, 7)))]) + data[place + 1 :]
    if kind == "cut":
        return data[:place] + data[place + length :]
    if kind == "end":
        return data[:place]
    if kind == "insert":
        return data[:place] + draw(st.binary(min_size=1, max_size=40)) + data[place:]
    if kind == "double":
        return data[:place] + data[place : place + length] * 2 + data[place + length :]
    return data[:place] + bytes(min(length, len(data) - place)) + data[place + length :]


@st.composite
def spoiled_lines(draw: st.DrawFn, data: bytes) -> bytes:
    """Lines doubled, left out, or exchanged."""
    lines = data.splitlines(keepends=True) or [b"\n"]
    at, other = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
    kind = draw(st.sampled_from(["double", "drop", "exchange", "empty", "endless"]))
    if kind == "double":
        lines.insert(other, lines[at])
    elif kind == "drop":
        del lines[at]
    elif kind == "exchange":
        lines[at], lines[other] = lines[other], lines[at]
    elif kind == "empty":
        lines.insert(at, b"\n")
    else:
        lines[at] = lines[at].rstrip(b"\r\n") + b" " * 70_000 + b"\n"
    return b"".join(lines)


@st.composite
def spoiled_json(draw: st.DrawFn, data: bytes) -> bytes:
    """A value changed for another, left out, or there twice; what holds a checksum may get the right one again."""
    lines = data.split(b"\n")
    at = draw(st.integers(0, len(lines) - 1))
    start, stop = (at, at + 1) if lines[0].endswith(b"}") else (0, len(lines))
    try:
        value = json.loads(b"\n".join(lines[start:stop]))
    except ValueError:
        return draw(spoiled_bytes(data))
    raw = draw(st.sampled_from(RAW))
    changed = _with_hole(draw, value)
    if draw(st.booleans()) and isinstance(changed, dict) and is_sealed(changed):
        changed = _resealed(changed, raw)
    # A line break would end the line of a ledger; pretty or not means nothing to a reader.
    text = json.dumps(changed).replace(f'"{_HOLE}"', raw)
    lines[start:stop] = [text.encode()]
    if len(lines) > 1 and lines[1].startswith(b"sha256:") and draw(st.booleans()):
        lines[1] = b"sha256:" + hashlib.sha256(lines[0] + b"\n").hexdigest().encode()
    return b"\n".join(lines)


def _with_hole(draw: st.DrawFn, value: object) -> object:
    """The value with one of its parts replaced by a mark, or left out."""
    if not isinstance(value, dict | list) or not value or draw(st.integers(0, 3)) == 0:
        return _HOLE
    if isinstance(value, list):
        at = draw(st.integers(0, len(value) - 1))
        return [*value[:at], _with_hole(draw, value[at]), *value[at + 1 :]]
    name = draw(st.sampled_from(sorted(value)))
    if draw(st.integers(0, 4)) == 0:
        return {key: part for key, part in value.items() if key != name}
    return {key: _with_hole(draw, part) if key == name else part for key, part in value.items()}


def _resealed(changed: dict, raw: str) -> object:
    """The checksum of one who means harm; where the value is no JSON, none can be taken."""
    try:
        return sealed(json.loads(json.dumps(changed).replace(f'"{_HOLE}"', raw)))
    except (ValueError, RecursionError):
        return changed


PLACES: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: None,
    "empty": lambda path: path.write_bytes(b""),
    "a pipe": os.mkfifo,
    "a folder": lambda path: path.mkdir(),
    "a circle of links": lambda path: path.symlink_to(path.name),
    "an endless device": lambda path: path.symlink_to("/dev/zero"),
    "text": lambda path: path.write_bytes(b"\xff\xfe\x00 no such thing \x1b[2J\n"),
}
"""What may stand where a file was."""


@st.composite
def mutations(draw: st.DrawFn, data: bytes) -> tuple[str, bytes | None]:
    """A way to spoil a file: ("bytes", its new content), or (a name of `PLACES`, None)."""
    kind = draw(st.sampled_from(["bytes", "bytes", "lines", "json", "json", "json", "place"]))
    if kind == "place":
        return draw(st.sampled_from(sorted(PLACES))), None
    by_kind = {"bytes": spoiled_bytes, "lines": spoiled_lines, "json": spoiled_json}
    # Archives and tensors have neither lines nor members.
    chosen = by_kind[kind] if data[:1] in (b"{", b"s") and len(data) < 2**20 else spoiled_bytes
    return "bytes", draw(chosen(data))
