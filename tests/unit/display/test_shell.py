"""Commands that people paste."""

from __future__ import annotations

import shlex

from hypothesis import given
from hypothesis import strategies as st

from sac.display import shell


@given(st.lists(st.text(st.characters(exclude_categories=("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))), min_size=1))
def test_words_are_the_words_that_they_were(words):
    assert shlex.split(shell.join(words)) == words


def test_what_a_terminal_does_not_show_is_spelled_for_bash():
    assert shell.quote("a\nb\t'\\") == r"$'a\nb\t\'\\'"
    assert shell.quote("\x1b[2J") == r"$'\x1b[2J'"
    assert shell.quote("lab\udcfc") == r"$'lab\xfc'"
    assert shell.quote("\x85\u202e") == r"$'\u0085\u202e'"
    assert shell.quote("my $(touch pwn) run") == "'my $(touch pwn) run'"
    assert shell.path("-rf") == "./-rf"
