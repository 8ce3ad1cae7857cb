"""Errors that a user can mend: the command line prints their message alone, and ends with status 2."""

from __future__ import annotations


class UserError(Exception):
    """Something that the user can put right; the message says all there is to say, and what would be valid."""


class OutOfMemory(UserError, MemoryError):
    """Memory could not be had; the message says for what, and how to go on."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory can't be had; torch has no class of its own for a CPU's."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(words in str(error) for words in _NO_MEMORY)
    )


def memory_ran_out(error: BaseException) -> str:
    """Say so in one line, with what is known of it."""
    known = str(error).strip().splitlines()
    return "memory ran out" + (f" ({known[0][:200]})" if known else "")


_NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory")
