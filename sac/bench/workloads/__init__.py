"""What is timed, and the process that times it.

This folder is loaded under a name of its own (see `sac.bench.rounds`) beside the `sac` of either revision, so that both
are given the same work. It therefore imports its own modules relatively, and of `sac` only what is measured.
"""
