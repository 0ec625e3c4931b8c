"""The report of `compare`: what is aligned with what."""
