"""Text from files shows, and does nothing else."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from sac.display.visible import one_line, visible


@given(st.text(st.characters(exclude_categories=("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))))
def test_what_only_shows_stays(text):
    assert visible(text) == one_line(text) == text


@given(st.text(st.characters()))
def test_nothing_that_acts_is_left(text):
    kinds = {unicodedata.category(one) for one in visible(text) if one not in "\n\t"}
    assert not kinds & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert "\n" not in one_line(text)
    visible(text).encode("utf-8")


def test_each_is_spelled_as_python_spells_it():
    assert visible("\x1b[31mred\x9b\u202e\U000e0041\ud800\udcff\r\x00") == (
        r"\x1b[31mred\x9b\u202e\U000e0041\ud800\xff\r\x00".replace(r"\r", r"\x0d")
    )
    assert visible("ein\tTag\nü\u00a0日本") == "ein\tTag\nü\u00a0日本"
    assert one_line("a\nequal: 300 iterations compared") == r"a\nequal: 300 iterations compared"
