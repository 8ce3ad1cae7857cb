"""What README and docs point to is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def missing_links(page: Path, text: str) -> list[str]:
    targets = re.findall(r"\]\(([^)#\s]+)\)", text)
    return [target for target in targets if "://" not in target and not (page.parent / target).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page):
    assert missing_links(page, page.read_text()) == []


def test_a_broken_link_would_be_seen():
    assert missing_links(PAGES[0], "[a](docs/nowhere.md) [b](https://example.org) [c](README.md)") == [
        "docs/nowhere.md"
    ]
