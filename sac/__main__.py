"""`python -m sac` is the command `sac`."""

import sys

from sac.cli import main

if __name__ == "__main__":
    sys.exit(main())
