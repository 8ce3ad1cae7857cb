"""What the documents point to is there: files, and headings in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


def anchors(page: str) -> set[str]:
    """The anchors that GitHub gives the headings of a page: lower case, without punctuation, dashes for spaces."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", page, flags=re.DOTALL | re.MULTILINE), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def missing_links(page: Path, text: str) -> list[str]:
    missing = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        if "://" not in target and not (file.exists() and (not anchor or anchor in anchors(file.read_text()))):
            missing.append(target)
    return missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page):
    assert missing_links(page, page.read_text()) == []


def test_a_broken_link_would_be_seen():
    links = "[a](docs/nowhere.md) [b](https://example.org) [c](README.md) [d](README.md#train) [e](README.md#swim)"
    assert missing_links(PAGES[0], links) == ["docs/nowhere.md", "README.md#swim"]


def test_anchors_are_those_that_github_makes():
    page = "# From `--seed` to `param.actor`\n```\n# a comment\n```\n## Where do I change …\n"
    assert anchors(page) == {"from---seed-to-paramactor", "where-do-i-change-"}
