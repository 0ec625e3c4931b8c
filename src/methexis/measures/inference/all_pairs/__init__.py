"""All pairs of many representations: their blocks, their grid, and their search."""
