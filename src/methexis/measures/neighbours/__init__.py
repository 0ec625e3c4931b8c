"""Measures of nearest neighbours: who is near whom, in which order, and in both."""
