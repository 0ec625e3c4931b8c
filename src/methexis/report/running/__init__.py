"""The report of any run, with cells or without."""
