"""Paired benchmark runs of two revisions, and their verdict."""
