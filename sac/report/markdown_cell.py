"""Text as a cell of a Markdown table."""

from __future__ import annotations


def cell(text: str) -> str:
    """Return text as a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")
