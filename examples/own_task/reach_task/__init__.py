"""A package with a task of its own: importing `reach_task.envs` registers ReachTarget-v1."""
