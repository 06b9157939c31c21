"""Raises while it is loaded."""

raise RuntimeError("set me up first")
