"""A service that gives up."""

import sys

sys.exit("it has lost its way")
