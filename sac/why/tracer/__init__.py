"""What runs inside the traced process.

It is loaded there as the package `_sac_why`, by path: a script may have a module called `sac` beside it. So its modules
import each other relatively, and of the rest only the standard library; NumPy and torch are touched when the script
itself has imported them.
"""
