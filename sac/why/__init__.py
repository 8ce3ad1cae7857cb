"""Tells where two runs of somebody's unchanged script part, and why.

`record`, `content`, `place`, `rewrite` and the hooks run inside the traced process. They are loaded there as the
package `_sac_why`, by path: a script may have a module called `sac` beside it. So they import each other relatively,
and of the rest only the standard library; NumPy and torch are touched when the script itself has imported them.

`trace`, `compare`, `flow`, `causes`, `verdict` and `command` read what was written, in the tool's own process.
"""
