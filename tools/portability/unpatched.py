"""`sac` with the simulator as SAPIEN made it, whatever the profile: the negative control of exact reciprocals.

It says of itself that all is exact, so that nothing refuses; only its bits tell.
"""

from __future__ import annotations

import sys

from sac.native import exact_reciprocals

exact_reciprocals.install = lambda wanted: None
exact_reciprocals.simulator_loaded = lambda: None
exact_reciprocals.is_wanted = lambda: True
exact_reciprocals.is_installed = lambda: None
exact_reciprocals.require = lambda: None

if __name__ == "__main__":
    from sac.cli import main

    sys.exit(main(sys.argv[1:]))
