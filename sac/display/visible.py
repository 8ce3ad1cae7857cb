"""Text without characters that act instead of showing something: escape sequences, overrides of direction, others."""

from __future__ import annotations

import unicodedata

_KEPT = frozenset("\n\t")


def visible(text: str) -> str:
    """Return text in which every character that would act is spelled out, as Python does it for an escape sequence.

    Lines and tabs stay. Spelled out are control characters, format characters (they can turn the direction of writing
    around, or hide), lone surrogates (no stream takes them), and separators of lines and paragraphs.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(one if _shows(one) else _spelled(one) for one in text)


def one_line(text: str) -> str:
    """Return the same on one line: a line break in it would let it speak in the name of the line that follows."""
    found = visible(text)
    return found.replace("\n", "\\n") if "\n" in found else found


def _shows(one: str) -> bool:
    return one.isprintable() or one in _KEPT or unicodedata.category(one) == "Zs"


def _spelled(one: str) -> str:
    code = ord(one)
    if 0xDC80 <= code <= 0xDCFF:
        # A byte of a name that is no UTF-8, as Python holds it.
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
