"""`python -m tools.portability`."""

import sys

from tools.portability.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
