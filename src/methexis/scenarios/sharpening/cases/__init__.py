"""The catalogue of `sharpen`: a file for each case, or for cases that differ in a number."""
