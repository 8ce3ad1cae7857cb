"""Finds the instructions of native libraries whose results CPU vendors choose, and replaces the simulator's."""
