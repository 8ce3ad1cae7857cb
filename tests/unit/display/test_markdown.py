"""Text from files in Markdown: shown, and never markup."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sac.display import markdown

HOSTILE = [
    "<script>alert(1)</script>",
    "[click](https://evil.example)",
    "![](https://evil.example/x.png)",
    "a | b",
    "a \\| b",
    "@maintainer #12",
    "**bold** _slanted_ ~~gone~~",
    "`code` and a lone ` one",
    "line\n# heading\n- item",
    "&lt;b&gt;",
    "\x1b[2J\u202e",
    "$x^2$",
]


def unescaped(text):
    """What a reader sees of it: entities and backslashes undone."""
    text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&#124;", "|").replace("&#8203;", "")
    return re.sub(r"\\([\\`*_\[\]~$])", r"\1", text.replace("&amp;", "&"))


@pytest.mark.parametrize("text", HOSTILE)
def test_text_is_shown_as_it_is_and_is_no_markup(text):
    made = markdown.text(text)
    assert not re.search(r"(?<!\\)[\[\]`*~$<>|]|@\w|(?<!&)#\d", made)
    assert "\n" not in made
    if "\x1b" not in text:
        assert unescaped(made) == " ".join(text.split())


@pytest.mark.parametrize("text", HOSTILE)
def test_in_prose_only_what_stands_between_two_backquotes_is_code(text):
    made = markdown.prose(text)
    outside = re.sub(r"(?<!\\)`[^`]*`", "", made)
    assert not re.search(r"(?<!\\)[\[\]`*~$<>|]|@\w|(?<!&)#\d", outside)


@given(st.text(st.sampled_from("`ab |\n\\")))
def test_code_is_closed_where_it_was_opened(text):
    made = markdown.code(text)
    fence = re.match("`+", made)[0]
    assert made.endswith(fence)
    assert fence not in re.findall("`+", made[len(fence) : -len(fence)])


@given(st.text(st.sampled_from("`ab|\n\\ ")))
def test_no_bar_in_a_cell_ends_it(text):
    for made in (markdown.cell(text), markdown.code_cell(text)):
        # A backslash escapes a bar only where no other escapes the backslash.
        assert not re.search(r"(?<!\\)(\\\\)*\|", made), made
        assert "\n" not in made


@given(st.text(st.sampled_from("`a\n~")))
def test_nothing_in_a_block_ends_it(text):
    first, *lines, last = markdown.block(text).split("\n")
    assert first == f"{last}text" and last == "`" * len(last)
    assert not any(line.strip().startswith(last) for line in lines)
