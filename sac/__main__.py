"""`python -m sac` is the command `sac`."""

import sys

from sac.cli import program

if __name__ == "__main__":
    sys.exit(program())
