"""Exit statuses of the commands; those of `sac bench` are its own, see `bench.judge`."""

OK, DIVERGED, BAD_INPUT, STOPPED, INCONCLUSIVE, INTERRUPTED, BROKEN_PIPE = 0, 1, 2, 3, 4, 130, 141
