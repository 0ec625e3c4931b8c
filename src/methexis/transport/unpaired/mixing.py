"""How many partners are found if images are as far from them as lets images mix as they do.

Images of the right map lie among the rows of the other side as these lie among themselves. What
keeps them apart, errors of the map or what one side has of its own, is seen in their nearest
neighbours, and on rows that the map has not learnt from nothing has drawn images near to them. How
far they are from their partners is told by rows of that side whose distance is known: such a row,
``v``, is turned by the map and back by a poor one, ``v W``, and both are blended,

.. math:: \frac{a v + (1 − a) v W}{|a v + (1 − a) v W|} ,

with the share ``a`` at which blends lie as near to the rows of the side as images do. How many of
the blends are nearest to the row that they are of is counted. A poor map that was climbed to is
used, because it keeps rows near to some others, as errors of climbed maps do.

What both sides have of their own, under one law, leaves mixing as it is, and is not seen.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from methexis.transport.held_out import unit
from methexis.transport.unpaired.nearness import nearness
from methexis.transport.unpaired.profiles import Rows

#: How often the interval of shares is halved.
_HALVINGS = 7


def found_as_mixed(images: Rows, other: Rows, own: Rows, back: Rows) -> float:
    """Share of blends that find their rows.

    Parameters
    ----------
    images, other : arrays (num_images, r), (num_other, r)
        Images, and rows of the side to which they come; neither were learnt from.
    own : array (num_own, r)
        More rows of that side, which are blended.
    back : array (r, r)
        By the map, and back by a poor one.
    """
    aim = nearness(images, other)
    turned = unit(own @ back)
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        share = 0.5 * (low + high)
        if nearness(_blended(own, turned, share), other) < aim:
            low = share
        else:
            high = share
    blends = _blended(own, turned, 0.5 * (low + high))
    return float(np.mean(np.argmax(blends @ own.T, axis=1) == np.arange(len(own))))


def _blended(own: Any, turned: Any, share: float) -> Rows:
    return np.asarray(unit(share * own + (1.0 - share) * turned), dtype=np.float32)
