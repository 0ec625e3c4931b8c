"""The benchmark of the measures: the same numbers as peers give, and how fast."""
