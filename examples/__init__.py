"""Whole uses of the package, each one file that runs by itself: ``python -m examples.NAME``."""
