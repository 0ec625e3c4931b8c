"""The type of lists of neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Neighbour lists hold rows' numbers in 32 bits.
Indices = NDArray[np.int32]
