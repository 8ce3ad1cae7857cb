"""Text as HTML, where what stands in backquotes is code, and as a cell of a Markdown table."""

from __future__ import annotations

from html import escape


def prose(text: str) -> str:
    """Return text as HTML."""
    parts = text.split("`")
    return "".join(f"<code>{words(part)}</code>" if at % 2 else escape(part) for at, part in enumerate(parts))


def words(command: str) -> str:
    """A command whose lines break between its words: a browser would also break a flag behind its dashes."""
    found = command.split(" ")
    # A single word keeps its place beside a bracket.
    return " ".join(f"<span>{escape(word)}</span>" if len(found) > 1 else escape(word) for word in found)


def cell(text: str) -> str:
    """Return text as a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")
