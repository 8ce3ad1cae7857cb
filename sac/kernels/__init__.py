"""Arithmetic with an order of its own: machine code whose every result is the same on any x86-64 CPU with FMA."""
