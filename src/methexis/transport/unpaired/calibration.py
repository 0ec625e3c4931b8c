r"""From what rows say without pairs to an estimate of how many partners are found.

The curve was fitted to runs whose pairs were known, and both are judged on others
(`python -m evidence.unpaired`).

*Returns*, where both sides hold the same samples. A row whose nearest is its partner is mostly the
nearest of that; of the others some are by chance, as rows of one side are the nearest of their
nearest among themselves. With shares ``m`` across the sides and ``m₀`` within them,

.. math:: z = (m − m_0) / (1 − m_0), \qquad \text{top-1} ≈ \sqrt z,

because a partner that comes first for one of both is not always first for the other. A root makes
much of little: so an excess within three standard errors of chance counts in proportion.

*Replicas*, where they do not. The share of rows whose image is nearest to its image under a map
that was begun anew is the estimate, the mean over such maps
(`methexis.transport.unpaired.replicas`). It has no curve.
"""

from __future__ import annotations

import numpy as np

#: Standard errors up to which an excess of returns may be chance.
_ERRORS = 3.0


def of_return(across: float, within: float, queries: int) -> float:
    """Estimated share of partners that are found, from the shares of rows that return.

    Examples
    --------
    >>> of_return(1.0, 0.4, 1000), of_return(0.3, 0.4, 1000)
    (1.0, 0.0)
    """
    excess = max(0.0, (across - within) / max(1.0 - within, 1e-9))
    variance = (across * (1.0 - across) + within * (1.0 - within)) / queries
    error = _ERRORS * np.sqrt(variance) / max(1.0 - within, 1e-9)
    return float(np.sqrt(excess) * min(1.0, excess / max(error, 1e-9)))


def of_agreement(*shares: float) -> float:
    """Estimated share of partners that are found, from agreements with maps begun anew.

    Examples
    --------
    >>> of_agreement(0.5, 0.75)
    0.625
    """
    return float(np.mean(shares))
