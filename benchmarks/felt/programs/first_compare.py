"""The first score of a session: 500 rows of 64 features, with everything as it is by default."""

import numpy as np

import methexis as mx

generator = np.random.default_rng(0)
x = generator.standard_normal((500, 64))
y = x @ generator.standard_normal((64, 64)) + generator.standard_normal((500, 64))
print(mx.compare(x, y))
