"""Second moments of a pair of representations, gathered in one pass, and the overlap they give.

Data that never lies in memory at once is summed block by block: count, means, and sums of products
of deviations from them. Blocks merge by the pairwise update of Chan, Golub and LeVeque, which never
subtracts large sums, so that a large common mean costs nothing.

What second moments do cost is conditioning. The eigenvalues of ``XᵀX`` are known to ``ε s_1²``, so
a direction of size ``s`` is known to ``ε (s_1 / s)²`` where a decomposition of ``X`` itself knows
it to ``ε (s_1 / s)``: with a condition number ``κ = s_1 / s_r`` of the centred features, canonical
correlations keep about ``16 - 2 log10 κ`` digits, and directions below ``√(max(n, d) ε) s_1``
(about ``1e-6 s_1``) cannot be told from rounding and are left out. The Procrustes score with
``alpha=1`` divides by no size and keeps all digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from methexis.core.checks import integer
from methexis.display import Displayed
from methexis.errors import MethexisError
from methexis.measures.inputs.features import Features, Namespace, Tensor, met, together
from methexis.measures.rounding import negligible
from methexis.measures.subspaces.bases import Overlap


@dataclass(frozen=True, eq=False)
class SecondMoments(Displayed):
    """Count, means and sums of products of deviations of paired rows.

    ``xx = Σ (x - x̄)(x - x̄)ᵀ``, and likewise ``yy`` and ``xy``, are sums over samples, not means.

    References
    ----------
    .. [1] Chan, Golub and LeVeque 1983, "Algorithms for computing the sample variance".

    Examples
    --------
    >>> import numpy as np
    >>> from methexis.measures.inputs.features import pair
    >>> x = np.random.default_rng(0).normal(size=(100, 3)) + 1e6
    >>> one, other = (SecondMoments.of(*pair(rows, 2.0 * rows)) for rows in (x[:30], x[30:]))
    >>> bool(np.allclose(one.merged(other).xx / 99, np.cov(x.T), rtol=1e-9))
    True
    """

    num_samples: int
    mean_x: Tensor
    mean_y: Tensor
    xx: Tensor
    yy: Tensor
    xy: Tensor
    xp: Namespace

    @classmethod
    def of(cls, first: Features, second: Features) -> SecondMoments:
        """The moments of one block of paired rows."""
        first, second = met(first, second)
        together(first, second)
        xp = first.xp
        mean_x, mean_y = (xp.mean(part.array, axis=0) for part in (first, second))
        x, y = first.array - mean_x, second.array - mean_y
        return cls(first.num_samples, mean_x, mean_y, x.T @ x, y.T @ y, x.T @ y, xp)

    @classmethod
    def from_sums(
        cls, num_samples: int, sum_x: Any, sum_y: Any, xx: Any, yy: Any, xy: Any, *, xp: Namespace
    ) -> SecondMoments:
        """The moments from plain sums ``Σx``, ``Σy``, ``XᵀX``, ``YᵀY``, ``XᵀY`` without centring.

        Subtracting ``n x̄ x̄ᵀ`` loses ``2 log10(|x̄| / sd)`` digits: prefer `of` and `merged`.
        """
        n = integer("num_samples", num_samples, least=1)
        if xx.shape[0] != sum_x.shape[0] or xy.shape != (sum_x.shape[0], sum_y.shape[0]):
            raise MethexisError(
                f"xx, xy: expected shapes for {sum_x.shape[0]} and {sum_y.shape[0]} features, got "
                f"{tuple(xx.shape)} and {tuple(xy.shape)}"
            )
        mean_x, mean_y = sum_x / n, sum_y / n
        return cls(
            n,
            mean_x,
            mean_y,
            xx - sum_x[:, None] * mean_x[None, :],
            yy - sum_y[:, None] * mean_y[None, :],
            xy - sum_x[:, None] * mean_y[None, :],
            xp,
        )

    def merged(self, other: SecondMoments) -> SecondMoments:
        """The moments of both sets of rows together.

        Raises
        ------
        MethexisError
            If the numbers of features differ.
        """
        if self.xy.shape != other.xy.shape:
            raise MethexisError(
                f"moments: expected blocks with equal numbers of features, got "
                f"{tuple(self.xy.shape)} and {tuple(other.xy.shape)}"
            )
        n = self.num_samples + other.num_samples
        gap_x, gap_y = other.mean_x - self.mean_x, other.mean_y - self.mean_y
        share = other.num_samples / n
        between = self.num_samples * share
        return SecondMoments(
            n,
            self.mean_x + share * gap_x,
            self.mean_y + share * gap_y,
            self.xx + other.xx + between * gap_x[:, None] * gap_x[None, :],
            self.yy + other.yy + between * gap_y[:, None] * gap_y[None, :],
            self.xy + other.xy + between * gap_x[:, None] * gap_y[None, :],
            self.xp,
        )

    def _facts(self) -> dict[str, object]:
        widths = (int(self.xy.shape[0]), int(self.xy.shape[1]))
        return {"num_samples": self.num_samples, "num_features": widths}


def overlap_from_moments(moments: SecondMoments) -> Overlap:
    """Sizes and overlap: ``s² , V`` from ``XᵀX``, and ``M = s_x⁻¹ V_xᵀ XᵀY V_y s_y⁻¹``."""
    xp = moments.xp
    sizes_x, turn_x = _axes(moments.xx, moments.num_samples, xp)
    sizes_y, turn_y = _axes(moments.yy, moments.num_samples, xp)
    matrix = (turn_x / sizes_x).T @ moments.xy @ (turn_y / sizes_y)
    return Overlap(sizes_x, sizes_y, matrix, moments.num_samples, xp)


def _axes(scatter: Tensor, num_samples: int, xp: Namespace) -> tuple[Tensor, Tensor]:
    """Sizes, largest first, and the directions that have them, as columns."""
    values, vectors = xp.linalg.eigh(scatter)
    values, vectors = xp.flip(values), xp.flip(vectors, axis=1)
    smallest = negligible(xp, scatter, max(num_samples, int(scatter.shape[0]))) * values[0]
    rank = int(xp.sum(xp.astype(values > smallest, xp.int64)))
    if rank == 0:
        raise MethexisError("moments: expected features that vary, got none")
    return xp.sqrt(values[:rank]), vectors[:, :rank]
