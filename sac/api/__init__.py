"""What scripts and notebooks use; `sac` itself offers all of it, see docs/api.md."""
