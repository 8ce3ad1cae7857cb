"""Command lines as they are kept: what looks like a secret is left out, since traces and answers are handed on."""

from __future__ import annotations

import re
from collections.abc import Iterable

LEFT_OUT = "[redacted]"
_NAME = re.compile(
    r"token|secret|passw|passphrase|credential|authorization|(api|access|private|auth|account|encryption)[-_.]?key",
    re.IGNORECASE,
)
"""Names of options and variables whose values are secret."""
_TOKEN = re.compile(
    r"\b(?:gh[oprsu]_|github_pat_|glpat-|hf_|sk-|xox[abeprs]-|AKIA|AIza|npm_|pypi-)[\w-]{10,}"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"
)
"""Tokens that their issuers made recognisable."""
_LOGIN = re.compile(r"(\w://[^\s/:@]*:)[^\s/@]+@")
"""The password in an address."""
_RANDOM = re.compile(r"(?<![\w/.-])(?=[\w+=-]*[a-z])(?=[\w+=-]*[A-Z])(?=[\w+=-]*\d)[\w+-]{36,}=*(?![\w/.-])")
"""A long word of letters of both cases and digits."""


def redacted(words: Iterable[str]) -> list[str]:
    """Return the words of a command line with those left out that look like secrets."""
    made: list[str] = []
    secret = False
    for word in words:
        name, equals, value = word.partition("=")
        if secret and not word.startswith("-"):
            made.append(LEFT_OUT)
        elif equals and value and _NAME.search(name) and not re.search(r"\s", name):
            made.append(f"{name}={LEFT_OUT}")
        else:
            made.append(_without_tokens(word))
        secret = word.startswith("-") and not equals and _NAME.search(name) is not None
    return made


def _without_tokens(word: str) -> str:
    word = _LOGIN.sub(rf"\1{LEFT_OUT}@", word)
    return _RANDOM.sub(LEFT_OUT, _TOKEN.sub(LEFT_OUT, word))
