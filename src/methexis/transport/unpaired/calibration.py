r"""From what rows say without pairs to an estimate of how many partners are found.

Both were chosen by runs whose pairs were known, and are judged on others
(`python -m evidence.unpaired`).

*Returns*, where both sides hold the same samples. A row whose nearest is its partner is mostly the
nearest of that. Strangers return as well, because rows are the nearest of their nearest by chance:
at most as often as within one side, a share ``n``, and at least as much less often as rows return
from what is second nearest, a share ``m₂`` where within one side ``n₂`` do. The middle of both is
taken, and with the share ``m`` that returns across the sides

.. math:: b = \tfrac12 n (1 + m_2/n_2), \qquad z = (m − b) / (1 − b), \qquad \text{top-1} ≈ \sqrt z,

because a partner that comes first for one of both is not always first for the other. A root makes
much of little: so an excess within three standard errors of chance counts in proportion.

*Replicas*, where they do not. The share of rows whose image is nearest to its image under a map
that was begun anew is the estimate, the mean over such maps
(`methexis.transport.unpaired.replicas`). It has no curve.
"""

from __future__ import annotations

import numpy as np

from methexis.transport.unpaired.nearness import Returned

#: Standard errors up to which an excess of returns may be chance.
_ERRORS = 3.0


def of_return(seen: Returned) -> float:
    """Estimated share of partners that are found, from the shares of rows that return.

    Few rows may all return from the second nearest, or none; one that does and one that does not
    are added on both sides.

    Examples
    --------
    >>> round(of_return(Returned((1.0, 0.0), (0.4, 0.2), 1000)), 2)
    1.0
    >>> round(of_return(Returned((0.2, 0.1), (0.4, 0.2), 1000)), 2)  # strangers, half as often
    0.0
    """
    first, most = seen.across[0], seen.within[0]
    second, behind = (
        (share * seen.queries + 1.0) / (seen.queries + 2.0)
        for share in (seen.across[1], seen.within[1])
    )
    chance = 0.5 * most * (1.0 + min(1.0, second / behind))
    left = max(1.0 - chance, 1e-9)
    excess = max(0.0, (first - chance) / left)
    variance = (first * (1.0 - first) + chance * (1.0 - chance)) / seen.queries
    error = _ERRORS * np.sqrt(variance) / left
    return float(np.sqrt(excess) * min(1.0, excess / max(error, 1e-9)))


def of_agreement(*shares: float) -> float:
    """Estimated share of partners that are found, from agreements with maps begun anew.

    Examples
    --------
    >>> of_agreement(0.5, 0.75)
    0.625
    """
    return float(np.mean(shares))
