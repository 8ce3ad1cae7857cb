"""Hides what looks like a secret in a command line, before it is kept in a file.

A flag's name tells most of them, and some are known by their own form. What looks like neither is kept as it is, so a
file that holds a command line is the user's alone (mode 600) as well.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

HIDDEN = "***"
_NAMES = r"(?:api|access|private|auth)[-_]?key|token|secret|passw(?:or)?d|passphrase|credential|bearer|authorization"
_NAME = re.compile(rf"(?:^|[-_.\s])(?:{_NAMES})s?(?=$|[-_.=:\s])", re.IGNORECASE)
_URL = re.compile(r"(?<=://)([^/@\s:]*):[^/@\s]+(?=@)")
# Prefixes that services give their keys so that they can be found; and long words of mixed letters and digits.
_FORM = re.compile(r"\b(?:gh[pousr]_|github_pat_|glpat-|hf_|sk-|xox[abprs]-|AKIA|AIza|eyJ)[A-Za-z0-9_\-.]{12,}")
_HEXADECIMAL = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{40}(?![0-9A-Za-z])")


def without_secrets(words: Sequence[str]) -> list[str]:
    """Return a command line in which values that look secret are `***`.

    Args:
        words: program and arguments.
    """
    shown, hide_next = [], False
    for word in words:
        name, equals, value = word.partition("=")
        if hide_next and not word.startswith("--"):
            shown.append(HIDDEN)
            hide_next = False
            continue
        hide_next = False
        if _NAME.search(name.replace("--", "-")) is not None:
            hide_next = not equals
            shown.append(f"{name}={HIDDEN}" if equals and value else word)
            continue
        shown.append(_by_form(word))
    return shown


def _by_form(word: str) -> str:
    """Hide the parts of a word that have the form of a secret."""
    for form, instead in ((_URL, rf"\1:{HIDDEN}"), (_FORM, HIDDEN), (_HEXADECIMAL, HIDDEN)):
        word = form.sub(instead, word)
    return word
