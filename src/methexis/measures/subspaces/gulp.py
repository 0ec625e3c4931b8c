"""GULP: how far apart the predictions of ridge regressions on two representations can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import array_api_compat

from methexis.core.checks import number
from methexis.measures.inputs.features import MOST, Tensor, warn
from methexis.measures.measure import Invariance, invariant
from methexis.measures.rounding import unless_rounded
from methexis.measures.subspaces.bases import Basis, Overlap, turned
from methexis.measures.subspaces.contract import SubspaceMeasure, span_troubles
from methexis.measures.subspaces.procrustes import NEAR, roots


@dataclass(frozen=True)
class GULP(SubspaceMeasure):
    """Frobenius distance between the hat matrices of ridge regressions."""

    name: ClassVar[str] = "gulp"
    distance: ClassVar[bool] = True
    tier: ClassVar[int] = 2
    resampling: ClassVar[str] = "none"
    reference: ClassVar[str] = "Boix-Adsera, Lawrence, Stepaniants and Rigollet 2022"

    ridge: float = 0.01

    @property
    def nuclear(self) -> bool:
        """False, because only squares of the overlap enter."""
        return False

    def __post_init__(self) -> None:
        super().__post_init__()
        number("ridge", self.ridge, least=0.0, below=MOST)

    @property
    def title(self) -> str:
        """The measure's name in tables."""
        return f"GULP (ridge = {self.ridge:g})"

    @property
    def invariances(self) -> frozenset[Invariance]:
        """Orthogonal maps and one scale; all invertible maps without a ridge."""
        groups = Invariance.ORTHOGONAL if self.ridge else Invariance.INVERTIBLE
        return invariant(groups, Invariance.SCALE, Invariance.TRANSLATION)

    def score(self, a: Basis, b: Basis) -> float:
        """The distance of a pair; with a warning where the number of samples decides it."""
        for message in span_troubles(self.name, a, b) if self.ridge == 0.0 else ():
            warn(message)
        return super().score(a, b)

    def values(self, overlap: Overlap) -> Tensor:
        """``‖H_x - H_y‖_F`` with ``H = U diag(s² / (s² + ridge Σ s²)) Uᵀ``."""
        xp = overlap.xp
        x, y = (self._shrinkage(sizes, xp) for sizes in (overlap.sizes_x, overlap.sizes_y))
        matrix = overlap.matrix
        both = xp.sum(x * x, axis=-1) + xp.sum(y * y, axis=-1)
        inner = matrix * matrix * x[..., :, None] * y[..., None, :]
        plain = both - 2.0 * xp.sum(inner, axis=(-2, -1))
        near = plain < NEAR * both
        if overlap.columns is None or not bool(xp.any(near)):
            return roots(plain, xp)
        # In the span of U_x, between it and its complement, and in the complement: sums of squares
        # only. R = U_y - U_x M is what of U_y lies outside.
        columns_x, columns_y = overlap.columns()
        outside = columns_y - columns_x @ matrix
        mapped = matrix * y[..., None, :]
        diagonal = x[..., :, None] * xp.eye(
            x.shape[-1], dtype=x.dtype, device=array_api_compat.device(x)
        )
        within = mapped @ turned(matrix) - diagonal
        across = outside @ turned(mapped)
        beyond = (turned(outside) @ outside) * xp.sqrt(y[..., :, None] * y[..., None, :])
        exact = sum(
            factor * xp.sum(part * part, axis=(-2, -1))
            for factor, part in ((1.0, within), (2.0, across), (1.0, beyond))
        )
        return xp.sqrt(xp.where(near, unless_rounded(xp, exact, both), plain))

    def _shrinkage(self, sizes: Tensor, xp: Any) -> Tensor:
        squares = sizes * sizes
        return squares / (squares + self.ridge * xp.sum(squares, axis=-1, keepdims=True))


def gulp(x: Any, y: Any, *, ridge: float = 0.01) -> float:
    r"""GULP distance: how far ridge regressions on two representations can disagree.

    .. math:: d^2 = \|H_x - H_y\|_F^2, \qquad
              H_x = U_x\, \mathrm{diag}\!\left(\frac{s^2}{s^2 + \lambda \sum s^2}\right) U_x^T

    the hat matrices of ridge regression with the penalty ``λ`` on centred features of total
    variance one: the disagreement of predictions, in mean square over random targets. Equal to the
    published ``tr(Σx^{-λ} Σx Σx^{-λ} Σx) + … - 2 tr(Σx^{-λ} Σxy Σy^{-λ} Σyx)`` with
    ``Σ^{-λ} = (Σ + λ)⁻¹``.

    Parameters
    ----------
    x, y : array (num_samples, num_features)
        Paired rows.
    ridge : float
        ``λ``, in units of the total variance: a direction with this share of it counts half. The
        default .01 leaves out what carries less than a percent.

    Returns
    -------
    float
        At least 0, at most the root of the ranks' sum.

    Raises
    ------
    MethexisError
        On input that cannot be compared, or a negative ridge.

    Warns
    -----
    DegenerateWarning
        Without a ridge, if the ranks together exceed ``num_samples - 1``, as `cca` does.

    Notes
    -----
    *Cost*: as `cca` with squares. *Pitfalls*: not normalised, so representations of many directions
    are farther from everything; with ``ridge=0`` it is ``√(r_x + r_y - 2 Σ ρ²)`` of the canonical
    correlations, with CCA's trouble at few samples. The authors scale to total variance one, as
    here; ReSi does not, and reports the square.

    References
    ----------
    .. [1] Boix-Adsera, Lawrence, Stepaniants and Rigollet 2022, "GULP: a prediction-based metric
       between representations", arXiv:2210.06545.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    >>> round(gulp(x[:, :1], x[:, 1:], ridge=1.0), 6)  # H = u uᵀ / 2 each, orthogonal: √(1/4 + 1/4)
    0.707107
    """
    return GULP(ridge)(x, y)
