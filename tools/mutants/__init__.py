"""Faults planted one at a time in copies of the tree, to see what the gate is worth."""
