"""Representational similarity: dissimilarities between samples, and what compares them."""
