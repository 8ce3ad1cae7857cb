"""Exit statuses of the commands; those of `sac bench` are its own, see `bench.judge`."""

OK, DIVERGED, BAD_INPUT, STOPPED, INTERRUPTED, BROKEN_PIPE = 0, 1, 2, 3, 130, 141
DAMAGED = 1
"""Of `sac verify` alone: a file is not what the run wrote."""
