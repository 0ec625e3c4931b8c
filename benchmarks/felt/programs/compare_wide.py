"""A pair of wide layers by a measure without moments: 1000 rows of 256 features, by default."""

import numpy as np

import methexis as mx

generator = np.random.default_rng(0)
x = generator.standard_normal((1000, 256))
y = x @ generator.standard_normal((256, 256)) / 16.0 + 3.0 * generator.standard_normal((1000, 256))
print(mx.compare(x, y, "procrustes"))
