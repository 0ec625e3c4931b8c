"""The report of `explain`: which maps take one representation to the other."""
