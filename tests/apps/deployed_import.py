"""Loaded at start by configurations of tests/corpus."""

import os

os.environ["DEPLOYED_IMPORTED"] = "yes"
