"""Errors that a user can mend: the command line prints their message alone, and ends with status 2."""

from __future__ import annotations


class UserError(Exception):
    """Something that the user can put right; the message says all there is to say, and what would be valid."""
