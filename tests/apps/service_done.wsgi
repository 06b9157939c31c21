"""A service whose work is done."""

import sys

sys.exit(0)
