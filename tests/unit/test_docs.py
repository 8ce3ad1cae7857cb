"""What the documents point to is there: files, headings in them, and the flags of the commands that they print."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from sac.cli import _COMMANDS
from sac.commands.train import parse_train
from sac.commands.twin import twin_parser
from sac.completion import _PARSERS
from sac.config import check
from sac.why.arguments import split

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")), ROOT / "examples" / "README.md"]


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


def left_open(text: str) -> list[str]:
    """Places that were to be filled: a word in capitals that is a paragraph, and the usual marks."""
    return re.findall(r"^[A-Z_]{4,}$|\b(?:TODO|TBD|FIXME|XXX)\b", text, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_nothing_is_left_to_be_filled_in(page):
    assert left_open(page.read_text()) == []


def test_a_place_that_was_to_be_filled_would_be_seen():
    assert left_open("## Single last bits\n\nFLIPS\n\n| TBD |") == ["FLIPS", "TBD"]


def test_a_broken_link_would_be_seen():
    links = "[a](docs/nowhere.md) [b](https://example.org) [c](README.md) [d](README.md#train) [e](README.md#swim)"
    assert missing_links(PAGES[0], links) == ["docs/nowhere.md", "README.md#swim"]


def test_anchors_are_those_that_github_makes():
    page = "# From `--seed` to `param.actor`\n```\n# a comment\n```\n## Where do I change …\n"
    assert anchors(page) == {"from---seed-to-paramactor", "where-do-i-change-"}


def commands(text: str) -> list[str]:
    """The lines of a page's consoles that run `sac`, continued lines joined."""
    consoles = "".join(re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE)).replace("\\\n", " ")
    return re.findall(r"^(?:\$ )?(sac .*)$", consoles, re.MULTILINE)


def accept(line: str) -> None:
    """Parse a command line as the command would; exits with status 2, or raises, where it is wrong."""
    _, command, *words = shlex.split(line, comments=True)
    assert command in _COMMANDS
    if command == "train" and not words[0].startswith("--resume"):
        check(parse_train(words))
    elif command == "twin":
        check(parse_train(twin_parser().parse_known_args(words)[1]))
    else:
        parser = _PARSERS[command]()
        own, _ = split(words, parser) if command in ("why", "gate", "trace") else (words, [])
        parser.parse_args(own)


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page.read_text())], ids=lambda page: page.name)
def test_every_command_that_is_printed_is_accepted(page):
    for line in commands(page.read_text()):
        accept(line)


@pytest.mark.parametrize("line", ["sac diff runs/A", "sac gate --trails 3 -- python x.py", "sac train --num_env=4"])
def test_a_mistyped_command_would_be_seen(line, capsys):
    assert commands(f"```console\n$ {line}  # so\n```\n") == [f"{line}  # so"]
    with pytest.raises(SystemExit):
        accept(line)
