"""What each command of `sac` does, one module a command."""
