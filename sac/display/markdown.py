"""Text from files in Markdown as GitHub reads it: no tag, no link, no mention, no end of a block that it stands in."""

from __future__ import annotations

import re

from sac.display.visible import one_line, visible

_MARKS = re.compile(r"([\\`*\[\]~$]|(?<![^\W_])_|_(?![^\W_]))")
_MENTION = re.compile(r"@(?=\w)")
_REFERENCE = re.compile(r"(?<!&)#(?=\d)")
_BREAK = "&#8203;"
"""A space of no width: GitHub's way to keep a name or number from becoming a mention."""


def text(value: object) -> str:
    """Return text on one line in which nothing is markup."""
    return _escaped(" ".join(str(value).split()))


def _escaped(line: str) -> str:
    found = _MARKS.sub(r"\\\1", one_line(line)).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    found = found.replace("|", "&#124;")
    return _REFERENCE.sub(f"#{_BREAK}", _MENTION.sub(f"@{_BREAK}", found))


def code(value: object) -> str:
    """Return text as code on one line, whatever backquotes are in it."""
    line = one_line(str(value))
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    fence, space = "`" * (1 + longest), " " if longest or line != line.strip() or not line else ""
    return f"{fence}{space}{line}{space}{fence}"


def prose(value: object) -> str:
    """Return text on one line in which what stands between two backquotes is code, and nothing else is markup."""
    parts = " ".join(str(value).split()).split("`")
    if len(parts) % 2 == 0:
        # One backquote too many: it stands for itself.
        parts[-2:] = [f"{parts[-2]}`{parts[-1]}"]
    return "".join(code(part) if at % 2 and part else _escaped(part) for at, part in enumerate(parts))


def cell(value: object) -> str:
    """Return text as a cell of a table; what stands between two backquotes is code."""
    found = prose(value)
    # A backslash before a bar would end up as one that escapes the escape: such code is written as text.
    if "\\|" in found:
        return text(value)
    return found.replace("|", "\\|")


def code_cell(value: object) -> str:
    """Return text as code in a cell of a table."""
    found = code(value)
    return text(value) if "\\|" in found else found.replace("|", "\\|")


def block(lines: object, kind: str = "text") -> str:
    """Return text as a block of code that nothing in it can end."""
    body = visible(str(lines))
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", body)), default=0))
    return f"{fence}{kind}\n{body}\n{fence}"
