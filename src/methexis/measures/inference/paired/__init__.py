"""Scores on the same samples, followed together: which is larger, between which levels one lies."""
