"""`python -m tools.gpu`."""

import sys

from tools.gpu.command import main

if __name__ == "__main__":
    sys.exit(main())
