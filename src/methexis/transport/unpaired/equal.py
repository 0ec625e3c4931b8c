r"""Whether two laws are equal as far as their samples tell, and whether a rival map fits as well.

The laws of ``x Q`` and of ``y`` are equal where their characteristic functions are. At some random
frequencies both are means over samples, so their differences ``r`` (real and imaginary parts) are
nearly normal, with a covariance ``C`` that the samples tell, and

.. math:: J(Q) = r(Q)ᵀ C^{-1} r(Q)

is χ² where the laws are equal (Wald), with as many degrees of freedom, ``k``, as ``C`` has
directions that are more than rounding. It weighs each frequency by how well it is known, which the
plain mean of squares does not; so its minimum over rotations is the more exact one, and it tells
rivals apart that the plain mean cannot. A rotation is compared only at its own minimum, because a
small error of it costs more than chance does.

Two maps that fit equally have values of J that differ by chance alone. With ``λ = max(0, J − k)``
for what keeps even the best from fitting, each has the variance ``2(k + 2λ)``, and their difference
at most twice that where they are uncorrelated (fits to the same samples are rather correlated,
which makes it smaller). A rival is one where J exceeds that of the best by no more than three such
standard deviations: `allowed`.
"""

from __future__ import annotations

import numpy as np
from scipy import linalg

from methexis.core.checks import Array
from methexis.core.linalg import inverse_sqrt_psd

#: Spread of frequencies, in units of one over the standard deviation.
SPREAD = 0.9
#: Fewest frequencies if there are samples enough, which are so many for each number compared.
_FREQUENCIES, _SAMPLES = 100, 10
#: Share of the largest eigenvalue of C below which a direction is none.
_NOTHING = 1e-6
#: Standard deviations by which a rival may be worse, and up to which a fit is by chance.
_DEVIATIONS = 3.0
#: Gauss–Newton steps, and equations for each unknown that they need.
_STEPS, _EQUATIONS = 5, 1.5


class Misfit:
    """``J`` of rotations of x, against y.

    Parameters
    ----------
    x, y : arrays (num_x, r), (num_y, r)
        Whitened rows.
    generator : Generator
        Of frequencies.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> def white(rows):
    ...     rows = rows - rows.mean(axis=0)
    ...     return rows @ np.linalg.inv(np.linalg.cholesky(np.cov(rows.T))).T
    >>> x, y = (white(rng.exponential(size=(4000, 2))) for _ in range(2))
    >>> misfit = Misfit(x, y, rng)
    >>> (_, right, k), (_, wrong, _) = misfit.least(np.eye(2)), misfit.least(-np.eye(2))
    >>> bool(right < chance(k) < wrong)
    True
    """

    def __init__(self, x: Array, y: Array, generator: np.random.Generator) -> None:
        r = x.shape[1]
        most = min(len(x), len(y)) // (2 * _SAMPLES)
        count = max(1, min(max(_FREQUENCIES, r * (r - 1)), most))
        self.x = x
        self.frequencies = generator.standard_normal((count, r)) * SPREAD
        self.mean, self.known = _told(y, self.frequencies)

    def least(self, turn: Array) -> tuple[Array, float, int]:
        """The minimum near a rotation, J there, and the degrees of freedom.

        ``C`` is that at the rotation given, as in two-step estimates by moments.
        """
        mean, spread = _told(self.x @ turn, self.frequencies)
        values, vectors = np.linalg.eigh(spread + self.known)
        kept = values > _NOTHING * values[-1]
        weights = vectors[:, kept] / np.sqrt(values[kept])
        degrees, r = int(kept.sum()), len(turn)
        left = weights.T @ (mean - self.mean)
        above = np.triu_indices(r, 1)
        for _ in range(_STEPS if r > 1 and degrees > _EQUATIONS * len(above[0]) else 0):
            slopes = weights.T @ _slopes(self.x @ turn, self.frequencies)
            step = np.zeros((r, r))
            step[above] = -np.linalg.lstsq(slopes, left, rcond=None)[0]
            after = turn @ linalg.expm(step - step.T)
            again = weights.T @ (_mean(self.x @ after, self.frequencies) - self.mean)
            gained = float(left @ left - again @ again)
            if gained <= 0.0:
                break
            turn, left = after, again
            if gained < 0.01:
                break
        return turn, float(left @ left), degrees


def law_distance(x: Array, y: Array) -> float:
    """How far the laws of two sets of rows are apart, once each is whitened: ``(J − k) / n``.

    Here n is the harmonic number of rows, ``nₓ n_y / (nₓ + n_y)``, so that the distance is that of
    the laws and does not grow with the rows; of equal laws it is 0 up to chance, and may be less.

    Parameters
    ----------
    x, y : arrays (num_x, r), (num_y, r)

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x, y, z = rng.exponential(size=(3, 2000, 2))
    >>> bool(law_distance(x, y) < 0.05), bool(law_distance(x, -z) > 0.5)
    (True, True)
    """
    white = []
    for rows in (x, y):
        centred = rows - rows.mean(axis=0)
        white.append(centred @ inverse_sqrt_psd(centred.T @ centred / len(rows)))
    _, misfit, degrees = Misfit(white[0], white[1], np.random.default_rng(0)).least(
        np.eye(x.shape[1])
    )
    return (misfit - degrees) * (1.0 / len(x) + 1.0 / len(y))


def chance(degrees: int) -> float:
    """Up to which value a misfit is what equal laws have by chance."""
    return degrees + _DEVIATIONS * float(np.sqrt(2.0 * degrees))


def allowed(best: float, degrees: int) -> float:
    """Up to which value a rival fits as well as the best does.

    Examples
    --------
    >>> allowed(200.0, 200)
    284.8528137423857
    """
    beyond = max(0.0, best - degrees)
    return best + _DEVIATIONS * float(np.sqrt(4.0 * (degrees + 2.0 * beyond)))


def _told(rows: Array, frequencies: Array) -> tuple[Array, Array]:
    """The characteristic function as real numbers, and the covariance of its error.

    Rows are whitened by themselves, so what each adds to the error of a wave has, beside the wave
    itself, its part in the errors of the mean and of the covariance: with ``φ`` the mean wave and
    ``g`` that of ``z exp(i z·f)``, the last two of
    ``exp(i z·f) − i (f·z) φ − i ((f·z)(z·g) − f·g)/2``.
    """
    phases = rows @ frequencies.T
    waves = np.exp(1j * phases)
    mean = waves.mean(axis=0)
    along = waves.T @ rows / len(rows)
    waves -= 1j * phases * (mean + 0.5 * (rows @ along.T))
    told = np.concatenate([waves.real, waves.imag], axis=1)
    told -= told.mean(axis=0)
    return np.concatenate([mean.real, mean.imag]), told.T @ told / len(rows) ** 2


def _mean(rows: Array, frequencies: Array) -> Array:
    """The characteristic function as real numbers."""
    phases = rows @ frequencies.T
    return np.concatenate([np.cos(phases).mean(axis=0), np.sin(phases).mean(axis=0)])


def slopes(turned: Array, frequencies: Array) -> tuple[Array, Array]:
    """The characteristic function, and its slopes along ``turn → turn exp(A)``, for a < b of A."""
    waves = np.exp(1j * (turned @ frequencies.T))
    moments = 1j * (waves.T @ turned) / len(turned)  # of z_a exp(i z·f)
    first, second = np.triu_indices(turned.shape[1], 1)
    # z exp(A): z_b gains z_a A_ab, and z_a loses z_b A_ab
    along = moments[:, first] * frequencies[:, second] - moments[:, second] * frequencies[:, first]
    return waves.mean(axis=0), along


def _slopes(turned: Array, frequencies: Array) -> Array:
    """The same in real numbers."""
    along = slopes(turned, frequencies)[1]
    return np.concatenate([along.real, along.imag])
