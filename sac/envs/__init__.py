"""Vector environments: ManiSkill tasks and a small point task, each episode from an explicit seed."""
