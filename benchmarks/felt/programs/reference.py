"""A fixed computation: what the other times are compared with, so that machines may differ."""

import numpy as np

matrix = np.random.default_rng(0).standard_normal((300, 300))
for _ in range(12):
    values = np.linalg.svd(matrix, compute_uv=False)
    matrix = matrix @ matrix.T / values[0]
