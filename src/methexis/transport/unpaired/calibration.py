r"""From what rows say without pairs to an estimate of how many partners are found.

Both curves were fitted to runs whose pairs were known, and are judged on others
(`python -m evidence.unpaired`).

*Returns*, where both sides hold the same samples. A row whose nearest is its partner is mostly the
nearest of that; of the others some are by chance, as rows of one side are the nearest of their
nearest among themselves. With shares ``m`` across the sides and ``m₀`` within them,

.. math:: z = (m − m_0) / (1 − m_0), \qquad \text{top-1} ≈ \sqrt z,

because a partner that comes first for one of both is not always first for the other. A root makes
much of little: so an excess within three standard errors of chance counts in proportion.

*Replicas*, where they do not. Two estimates are made, and the less of both is told. One is the share
of rows whose image is nearest to its image under a map that was begun anew, the mean over such maps
(`methexis.transport.unpaired.replicas`). It sees errors of the map, and not what a side has of its
own. The other is the share of partners that would be found if images were as far from these as is
told by how they mix (`methexis.transport.unpaired.mixing`), on that side where this is less. It sees
both, but rather too little, because maps are chosen by how images mix.
"""

from __future__ import annotations

from collections.abc import Sequence

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


def of_ways(agreements: Sequence[float], mixings: Sequence[float]) -> float:
    """Estimated share of partners that are found, from maps begun anew and from mixing.

    Examples
    --------
    >>> of_ways([0.5, 0.75], [0.9, 0.8]), of_ways([0.5, 0.75], [0.4, 0.8])
    (0.625, 0.4)
    """
    return float(min(np.mean(agreements), *mixings))
