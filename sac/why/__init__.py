"""Tells where two runs of somebody's unchanged script part, and why.

`tracer` runs inside the traced process. All else reads what was written, in the tool's own process.
"""
