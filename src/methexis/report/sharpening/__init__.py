"""The report of `sharpen`: curvature along SGD."""
