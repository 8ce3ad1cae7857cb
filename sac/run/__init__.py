"""The run folder: its files, its lock, and the signals that stop a run."""
