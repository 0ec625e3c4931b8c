"""Timings that a reader can repeat; `make bench` prints them."""
