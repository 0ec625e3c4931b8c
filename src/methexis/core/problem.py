"""`Problem`: one student bound to one source, with everything frozen folded into a few matrices.

View, private features, embeddings, label map and the metric of the loss all act linearly and never
change. Folding them once leaves a single form that all theory and all engines work on
(docs/theory.md §1)::

    f = M W_D … W_1 E x,    ℓ = ‖f − y‖²,    y = V x + ε

with ``E = M_I Z`` (private features appended to ``x``), ``M = N^{1/2} M_O``,
``V -> N^{1/2} Φ V`` and ``Σε -> N^{1/2} Φ Σε Φᵀ N^{1/2}``; ``N`` is the identity for the squared
loss and ``(Φ Σε Φᵀ)⁻¹`` for the noise-whitened loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from methexis.core.checks import (
    RANK_TOLERANCE,
    Array,
    ConditionError,
    MethexisError,
    one_of,
    weight_list,
)
from methexis.core.edln import EDLN
from methexis.core.linalg import inverse_sqrt_psd, rank, sqrt_psd
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher, source_name

LOSSES = ("squared", "whitened")
#: Standard deviation of label noise, over that of the signal, below which it is rounding.
NOISE_FLOOR = 1e-12


@dataclass(frozen=True, eq=False)
class Problem:
    """A student bound to a source; see the module's docstring for the folding.

    Attributes
    ----------
    target : array (p, n)
        ``V`` after labels and metric; for samples the least-squares map.
    cov_x : array (n, n)
        ``Σx`` with private features appended.
    cov_noise : array (p, p)
        ``Σε`` after labels and metric; for samples the second moment of the residual.
    embed_in : array (d_0, n)
        ``E = M_I Z``.
    embed_out : array (p, d_D)
        ``M``.
    label_map : array (p, dim_y)
        ``N^{1/2} Φ``: from the source's labels to the folded ones.
    dims : tuple of int
        ``(d_0, d_1, …, d_D)``; layer ``i`` has shape ``(d_i, d_{i-1})``.
    x, y : array (num_samples, n), (num_samples, p), or None
        The student's own finite data; None for a teacher, whose inputs are Gaussian.
    """

    target: Array
    cov_x: Array
    cov_noise: Array
    embed_in: Array
    embed_out: Array
    label_map: Array
    dims: tuple[int, ...]
    x: Array | None = None
    y: Array | None = None

    @classmethod
    def of(cls, source: Teacher | Samples, student: EDLN, loss: str = "squared") -> Problem:
        """Fold ``student`` and ``source`` for the given loss.

        Raises
        ------
        MethexisError
            If shapes of source, view and embeddings do not fit together.
        ConditionError
            If the loss is whitened and the label noise is singular.
        """
        source_name(source)
        one_of("loss", loss, LOSSES)
        if not isinstance(student, EDLN):
            raise MethexisError(f"student: expected an EDLN, got {type(student).__name__}")
        view = student.view
        private = view.num_private
        seen = view.input_matrix(source.dim_x)
        labels = view.output_matrix(source.dim_y)
        embed_in = np.eye(len(seen)) if student.embed_in is None else student.embed_in
        embed_out = np.eye(len(labels)) if student.embed_out is None else student.embed_out
        if embed_in.shape[1] != len(seen):
            raise MethexisError(
                f"embed_in: expected {len(seen)} columns (the view's outputs), "
                f"got shape {embed_in.shape}"
            )
        if embed_out.shape[0] != len(labels):
            raise MethexisError(
                f"embed_out: expected {len(labels)} rows (the labels), got shape {embed_out.shape}"
            )
        cov_x = np.zeros((source.dim_x + private,) * 2)
        cov_x[: source.dim_x, : source.dim_x] = source.cov_x
        if view.private_cov is not None:
            cov_x[source.dim_x :, source.dim_x :] = view.private_cov
        cov_noise = labels @ source.cov_noise @ labels.T
        metric = np.eye(len(labels))
        if loss == "whitened":
            if rank(cov_noise) < len(labels):
                raise ConditionError(
                    "full-rank noise",
                    f"the whitened loss needs an invertible label-noise covariance, got rank "
                    f"{rank(cov_noise)} of {len(labels)}",
                )
            metric = inverse_sqrt_psd(cov_noise)
        to_label = metric @ labels
        x = y = None
        if isinstance(source, Samples):
            if private:
                raise MethexisError(
                    "private_cov: expected none with Samples (append your private features to the "
                    f"inputs instead), got {private} private features"
                )
            x, y = source.x, source.y @ to_label.T
        return cls(
            target=np.hstack([to_label @ source.weight, np.zeros((len(labels), private))]),
            cov_x=cov_x,
            cov_noise=metric @ cov_noise @ metric,
            embed_in=embed_in @ seen,
            embed_out=metric @ embed_out,
            label_map=to_label,
            dims=(len(embed_in), *student.hidden, embed_out.shape[1]),
            x=x,
            y=y,
        )

    @property
    def depth(self) -> int:
        """Number of trainable layers."""
        return len(self.dims) - 1

    @property
    def num_parameters(self) -> int:
        """Number of trainable weights."""
        return sum(a * b for a, b in zip(self.dims[1:], self.dims[:-1], strict=True))

    @cached_property
    def rank(self) -> int:
        """Rank ``r`` of ``V Σx^{1/2}``."""
        return rank(self.target @ sqrt_psd(self.cov_x))

    @cached_property
    def weight_scale(self) -> float:
        """Size of a weight at the balanced minimum, ``‖M⁺ V E⁺‖^{1/D}`` (spectral norm).

        Weights have units: what is large or small is said relative to this.
        """
        product = np.linalg.pinv(self.embed_out) @ self.target @ np.linalg.pinv(self.embed_in)
        return float(np.linalg.norm(product, 2) ** (1.0 / self.depth))

    def require_theorem(self) -> None:
        """Check the theorem's conditions on shapes and ranks.

        Embeddings need not be square: the formulas hold with pseudo-inverses as long as ``E``
        loses no input and ``M`` reaches every label (docs/theory.md §3.5).

        Raises
        ------
        ConditionError
            Naming the first condition that fails: ``signal``, ``invertible input embedding``,
            ``invertible output embedding``, ``width below rank``.
        """
        if self.rank == 0:
            raise ConditionError("signal", "expected V Σx^{1/2} of rank >= 1, got rank 0")
        for name, matrix, full, side in (
            ("invertible input embedding", self.embed_in, self.embed_in.shape[1], "column"),
            ("invertible output embedding", self.embed_out, self.embed_out.shape[0], "row"),
        ):
            found = rank(matrix)
            if found < full:
                raise ConditionError(
                    name,
                    f"expected full {side} rank {full}, got rank {found} of shape {matrix.shape}",
                )
        narrowest = min(self.dims[1:-1])
        if narrowest < self.rank:
            raise ConditionError(
                "width below rank",
                f"expected every hidden width >= rank {self.rank} of the target, got {narrowest}",
            )

    def require_full_noise(self) -> None:
        """Check that the label noise reaches every direction of the signal.

        Raises
        ------
        ConditionError
            ``full-rank noise``, when ``Σε^{1/2} V Σx^{1/2}`` has a lower rank than ``V Σx^{1/2}``.
        """
        left, values, _ = np.linalg.svd(self.target @ sqrt_psd(self.cov_x))
        noise = np.linalg.svd(sqrt_psd(self.cov_noise) @ left[:, : self.rank], compute_uv=False)
        # Below the rounding of the labels themselves there is no noise, whatever its own spread.
        floor = max(RANK_TOLERANCE * float(noise[0]), NOISE_FLOOR * float(values[0]))
        found = int(np.sum(noise > floor))
        if found < self.rank:
            raise ConditionError(
                "full-rank noise",
                f"expected label noise in all {self.rank} directions of the signal, got "
                f"{found}; along noise-free directions the entropy has no minimum",
            )


def bind(
    source: Teacher | Samples, student: EDLN, weights: Sequence[ArrayLike], loss: str
) -> tuple[Problem, list[Array]]:
    """Fold a student and check the weights given for it: how public functions begin.

    Raises
    ------
    MethexisError
        On shapes that do not fit.
    """
    problem = Problem.of(source, student, loss)
    return problem, weight_list(weights, problem.dims)
