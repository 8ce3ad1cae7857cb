"""What is timed, and the process that times it.

This folder is loaded under a name of its own (see `sac.bench.rounds`) beside the `sac` of either revision, so that both
do the same work. So it imports its own modules relatively, and only the measured modules of `sac`.
"""
