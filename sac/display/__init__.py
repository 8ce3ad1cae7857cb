"""Text from files on its way to people: one module for each target, since each has its own dangerous characters."""
