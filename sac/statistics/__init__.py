"""What a difference between runs means where their bits can't be equal: intervals, tests, power."""
