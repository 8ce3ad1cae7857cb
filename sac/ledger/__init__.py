"""What a run leaves at each iteration, and what it means where two runs differ."""
