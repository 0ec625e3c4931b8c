"""An ordinary pair of layers by the measure that takes longest: 5000 rows of 1000 features.

Spectra that fall as those of networks do, and a second layer that knows half of the first.
"""

import numpy as np

import methexis as mx

generator = np.random.default_rng(0)
x = generator.standard_normal((5000, 1000)) * np.arange(1.0, 1001.0) ** -0.5
y = x @ generator.standard_normal((1000, 1000)) / 32.0 + 0.3 * generator.standard_normal(
    (5000, 1000)
)
print(mx.compare(x, y, "svcca"))
