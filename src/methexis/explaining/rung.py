"""One rung of a ladder: what maps of one kind explain."""

from __future__ import annotations

from dataclasses import dataclass

from methexis.display import Displayed


@dataclass(frozen=True)
class Rung(Displayed):
    """What maps of one kind explain.

    Attributes
    ----------
    name : str
        One of "identity", "permutation", "rotation", "reweighted", "linear" and "nonlinear".
    share : float
        Share of the variance of samples left out, the mean of both directions. It can be negative
        where a map predicts worse than the mean does.
    ci : (float, float)
        95 % interval over samples.
    shares : (float, float)
        Of B's variance predicted from A, and of A's predicted from B.
    extrapolated : float
        The share with maps that were fitted to the population, by which rungs are told apart.
    gain : float
        Of the extrapolated share, over the rung below; over nothing for the lowest.
    error : float
        Standard error of the gain.
    p : float
        One-sided, that there is no gain.
    """

    name: str
    share: float
    ci: tuple[float, float]
    shares: tuple[float, float]
    extrapolated: float
    gain: float
    error: float
    p: float
