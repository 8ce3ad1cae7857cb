"""Commands that people paste: every word stays one word, and nothing in it is executed."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from sac.display.visible import visible


def join(words: Iterable[object]) -> str:
    """Return words as a command line of bash; the first is the program."""
    return " ".join(map(quote, words))


def quote(word: object) -> str:
    """Return a word as bash reads it back; bytes and characters that a terminal would not show are spelled out."""
    text = str(word)
    if visible(text) == text and not set(text) & {"\n", "\t"}:
        return shlex.quote(text)
    return "$'" + "".join(map(_spelled, text)) + "'"


def path(place: object) -> str:
    """Return a path as a word that no program takes for a flag."""
    text = str(place)
    return quote(f"./{text}" if text.startswith("-") else text)


def _spelled(one: str) -> str:
    if one in "\\'":
        return f"\\{one}"
    if one == "\n":
        return "\\n"
    if one == "\t":
        return "\\t"
    found, code = visible(one), ord(one)
    # In bash two hexadecimal digits are a byte, which beyond ASCII is no character.
    return f"\\u{code:04x}" if found != one and 0x80 <= code < 0x100 else found
