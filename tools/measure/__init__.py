"""Programs that measure: each is a command, `python -m tools.measure.NAME`, and says with --help what it times."""
