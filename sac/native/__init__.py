"""Finds, in native libraries, the instructions whose results CPU vendors choose, and replaces those of the simulator."""
