"""Bit-for-bit reproducible SAC on ManiSkill, and the gate that keeps it so."""

__version__ = "0.1.0"
