"""What each command of `sac` does, one module for each."""
