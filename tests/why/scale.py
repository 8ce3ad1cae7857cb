"""What functions of the plugin's tests import relatively, as modules of a package do."""

SCALE = 2.0
