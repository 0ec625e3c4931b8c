"""Sums over pairs of samples: of one pair of representations, of grids, and over all orders."""
