"""ManiSkill tasks: one environment at a time on the CPU, or many at once on a GPU."""
