"""Exit statuses of the commands; those of `sac bench` are its own, see `bench.judge`."""

OK, DIVERGED, BAD_INPUT, STOPPED, INCONCLUSIVE, INTERRUPTED = 0, 1, 2, 3, 4, 130

UNFORESEEN = 70
"""An error that nobody foresaw: Python's own status for it would be 1, which means "diverged" (EX_SOFTWARE)."""

DAMAGED = 1
"""Of `sac verify` alone: a file is not what the run wrote."""
