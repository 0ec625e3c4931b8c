"""The benchmark of the measures: do peers give the same numbers, and how long do they take?"""
