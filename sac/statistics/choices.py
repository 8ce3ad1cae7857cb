"""What can be asked of runs: names for the command line, which loads no NumPy for them."""

METRICS = ("success_once", "success_at_end", "return")
"""Columns of metrics.csv."""
MOMENTS = ("final", "best", "average")
"""What is taken of a run: the last evaluation that all runs have, the best one, or the mean of all."""
FIRST_LOOK = 5
"""Seeds on each side at the first look of a sequential test: with fewer a permutation test can't reach its levels."""
DEFAULT_DIFFERENCE = 0.2
"""The difference of success rates that matters where nothing else is said."""
