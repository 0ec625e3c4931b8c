"""Cosines between representations: sample by sample after the best rotation, and as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from methexis.errors import MethexisError
from methexis.measures.inputs.features import Features, pair
from methexis.measures.measure import Measure
from methexis.measures.subspaces.bases import Basis, basis, basis_work, rounding
from methexis.measures.work import Work


@dataclass(frozen=True)
class AlignedCosine(Measure[Basis]):
    """Mean cosine between paired samples after the best rotation."""

    name: ClassVar[str] = "aligned_cosine"
    label: ClassVar[str] = "aligned cosine"
    range: ClassVar[tuple[float, float]] = (-1.0, 1.0)
    tier: ClassVar[int] = 2
    reference: ClassVar[str] = "Hamilton, Leskovec and Jurafsky 2016, arXiv:1605.09096"

    def work(self, num_samples: int, num_features: tuple[int, int]) -> Work:
        """The work of bases, without bootstrap samples."""
        return basis_work(num_samples, num_features, sides=3.0)

    def reduce(self, features: Features) -> Basis:
        """The basis of the centred features. A sample that is their mean has no direction."""
        xp, directions = features.xp, basis(features)
        lengths = xp.linalg.vector_norm(directions.columns * directions.sizes, axis=1)
        least = int(xp.argmin(lengths))
        if float(lengths[least]) <= rounding(features, float(xp.linalg.vector_norm(lengths))):
            raise MethexisError(
                f"{features.name}: expected samples other than the mean, got it in row {least}"
            )
        return directions

    def score(self, a: Basis, b: Basis) -> float:
        """The mean cosine of the rows of ``U_x S_x L`` and ``U_y S_y R``, aligned directions."""
        xp = a.xp
        x, y = a.columns * a.sizes, b.columns * b.sizes
        left, _, right = xp.linalg.svd(x.T @ y, full_matrices=False)
        products = xp.sum((x @ left) * (y @ right.T), axis=1)
        lengths = xp.linalg.vector_norm(x, axis=1) * xp.linalg.vector_norm(y, axis=1)
        return float(xp.mean(products / lengths))


def aligned_cosine(x: Any, y: Any) -> float:
    r"""Mean cosine between the samples of two representations after the best rotation.

    .. math:: \frac1n \sum_k \frac{\langle Q^T x_k, y_k \rangle}{\|x_k\| \|y_k\|}, \qquad
              Q = \arg\max_Q \langle X Q, Y \rangle

    of centred features; the narrower counts as if zeros were appended. The rotation is that of
    `procrustes`, which weighs a sample by its length; here each counts the same.

    Parameters
    ----------
    x, y : array (num_samples, num_features)
        Paired rows.

    Returns
    -------
    float
        In [-1, 1] up to rounding.

    Raises
    ------
    MethexisError
        On input that cannot be compared, or a sample that is the mean of all.

    Notes
    -----
    *Cost*: as `procrustes`, with singular vectors. *Pitfalls*: tools disagree about centring: ReSi
    and work on word vectors do not centre, so a common mean raises their scores. Like Procrustes it
    is far from 0 for unrelated representations at few samples.

    References
    ----------
    .. [1] Hamilton, Leskovec and Jurafsky 2016, arXiv:1605.09096.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    >>> round(aligned_cosine(x, x @ [[0.0, 3], [-1, 0]]), 6)
    1.0
    """
    return AlignedCosine()(x, y)


def matrix_cosine(x: Any, y: Any) -> float:
    r"""Cosine between two representations with the same features, nothing aligned.

    .. math:: \frac{\langle X, Y \rangle}{\|X\|_F \|Y\|_F}

    of centred features. It is the one comparison here that sees rotations: of one model before and
    after a step, say. It is no entry of the registry, because it needs equally many features.

    Parameters
    ----------
    x, y : array (num_samples, num_features)
        Paired rows, paired columns.

    Returns
    -------
    float
        In [-1, 1] up to rounding; at most the Procrustes score.

    Raises
    ------
    MethexisError
        On input that cannot be compared, or different numbers of features.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    >>> matrix_cosine(x, x @ [[0.0, 1], [-1, 0]]), matrix_cosine(x, x + 5.0)
    (0.0, 1.0)
    """
    first, second = pair(x, y, scaled=True)
    if first.num_features != second.num_features:
        raise MethexisError(
            "X, Y: expected equally many features, because columns are paired too, got "
            f"{first.num_features} and {second.num_features}"
        )
    xp = first.xp
    a, b = (part.array - xp.mean(part.array, axis=0, keepdims=True) for part in (first, second))
    return float(xp.sum(a * b) / (xp.linalg.matrix_norm(a) * xp.linalg.matrix_norm(b)))
