"""The report of `break`: dials."""
