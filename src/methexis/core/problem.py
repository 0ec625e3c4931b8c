"""`Problem`: one student bound to one source, with everything frozen folded into a few matrices.

View, private features, embeddings, label map and the metric of the loss all act linearly and never
change. Folding them once leaves a single form that all theory and all engines work on
(docs/theory.md §1)::

    f = M W_D … W_1 E x,    ℓ = ‖f − y‖²,    y = V x + ε

with ``E = M_I Z`` (private features appended to ``x``), ``M = N^{1/2} M_O``,
``V -> N^{1/2} Φ V`` and ``Σε -> N^{1/2} Φ Σε Φᵀ N^{1/2}``; ``N`` is ``(Φ Σε Φᵀ)⁻¹`` for the
noise-whitened loss and the identity for all others.

A nonlinear student (`MLP`) has the same frozen maps with an activation function and biases in
between: ``f = M h_D``, ``h_i = act(W_i h_{i-1} + b_i)``, ``h_0 = E x``, the last layer linear.
Engines serve all problems; the theory serves those for which `Problem.require_theory` is content.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

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
from methexis.core.mlp import MLP
from methexis.core.parallel.caching import cached_property
from methexis.core.random.laws import EXCESS_KURTOSIS
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher, source_name
from methexis.display import Displayed

#: Losses of one sample with residual ``r = f - y``: ``‖r‖²``; ``rᵀΣε⁻¹r``; the same with the second
#: moment of past residuals for ``Σε``; and ``-Σ_c y_c ln softmax(f)_c``, for labels that are class
#: probabilities.
LOSSES = ("squared", "whitened", "whitened_running", "cross_entropy")
#: Standard deviation of label noise, over that of the signal, below which it is rounding.
NOISE_FLOOR = 1e-12
#: Deviation of label noise of which fourth powers can be summed.
_MOST_NOISE = 1e70
#: How far the sum of a sample's class probabilities may be from 1.
_PROBABILITY_TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class Problem(Displayed):
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
        ``(d_0, d_1, …, d_D)``; layer ``i`` has shape ``(d_i, d_{i-1})``, plus a column for biases.
    excess_x : array (n,)
        Excess kurtosis of the coordinates of ``Σx^{-1/2} x`` by a teacher's law: zeros for Gaussian
        inputs. Samples have fourth moments of their own.
    loss : str
        One of `LOSSES`.
    activation : str
        Name in `core.activations`, applied after every layer but the last.
    bias : bool
        Whether layers have a bias, kept as the last column of the weights.
    x, y : array (num_samples, n), (num_samples, p), or None
        The student's own finite data; None for a teacher.
    fresh_noise : array (p, p), optional
        The part of ``cov_noise`` that is not in the data but drawn anew at every step, if any.
    """

    target: Array
    cov_x: Array
    cov_noise: Array
    embed_in: Array
    embed_out: Array
    label_map: Array
    dims: tuple[int, ...]
    excess_x: Array
    loss: str = "squared"
    activation: str = "identity"
    bias: bool = False
    x: Array | None = None
    y: Array | None = None
    fresh_noise: Array | None = None

    @classmethod
    def of(cls, source: Teacher | Samples, student: EDLN | MLP, loss: str = "squared") -> Problem:
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
        if not isinstance(student, EDLN | MLP):
            raise MethexisError(f"student: expected an EDLN or MLP, got {type(student).__name__}")
        if isinstance(student, MLP):
            embeddings: tuple[Array | None, Array | None] = (None, None)
            activation, bias = student.activation, student.bias
        else:
            embeddings = (student.embed_in, student.embed_out)
            activation, bias = "identity", False
        view = student.view
        private = view.num_private
        seen = view.input_matrix(source.dim_x)
        labels = view.output_matrix(source.dim_y)
        embed_in = np.eye(len(seen)) if embeddings[0] is None else embeddings[0]
        embed_out = np.eye(len(labels)) if embeddings[1] is None else embeddings[1]
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
            metric = _whitening(cov_noise)
        to_label = metric @ labels
        x = y = None
        if isinstance(source, Samples):
            if private:
                raise MethexisError(
                    "private_cov: expected none with Samples (append your private features to the "
                    f"inputs instead), got {private} private features"
                )
            x, y = source.x, source.y @ to_label.T
        if loss == "cross_entropy":
            _require_probabilities(y)
        return cls(
            target=np.hstack([to_label @ source.weight, np.zeros((len(labels), private))]),
            cov_x=cov_x,
            cov_noise=metric @ cov_noise @ metric,
            embed_in=embed_in @ seen,
            embed_out=metric @ embed_out,
            label_map=to_label,
            dims=(len(embed_in), *student.hidden, embed_out.shape[1]),
            excess_x=_excess(source, private),
            loss=loss,
            activation=activation,
            bias=bias,
            x=x,
            y=y,
        )

    def with_label_noise(self, deviation: float) -> Problem:
        """Return the problem with isotropic noise ``σ n`` added to the source's labels.

        ``Σε -> Σε + σ² N^{1/2}Φ Φᵀ N^{1/2}``; the metric of the loss stays what it is.
        """
        if deviation == 0.0:
            return self
        if not deviation < _MOST_NOISE:
            raise MethexisError(
                f"label_noise: expected a deviation below {_MOST_NOISE:g}, so that moments can be "
                f"computed, got {deviation:g}"
            )
        extra = deviation**2 * self.label_map @ self.label_map.T
        return replace(self, cov_noise=self.cov_noise + extra, fresh_noise=extra)

    def whitened_by_noise(self) -> Problem:
        """Return the problem in the metric of its own noise, ``N = Σε⁻¹``.

        Raises
        ------
        ConditionError
            If the noise is singular.
        """
        metric = _whitening(self.cov_noise)
        fresh = self.fresh_noise
        return replace(
            self,
            loss="whitened",
            target=metric @ self.target,
            cov_noise=metric @ self.cov_noise @ metric,
            embed_out=metric @ self.embed_out,
            label_map=metric @ self.label_map,
            y=None if self.y is None else self.y @ metric,
            fresh_noise=None if fresh is None else metric @ fresh @ metric,
        )

    @property
    def depth(self) -> int:
        """Number of trainable layers."""
        return len(self.dims) - 1

    @property
    def layer_shapes(self) -> list[tuple[int, int]]:
        """Shape ``(d_i, d_{i-1} + bias)`` of every layer's weights; biases are the last column."""
        return [(a, b + self.bias) for a, b in zip(self.dims[1:], self.dims[:-1], strict=True)]

    @property
    def num_parameters(self) -> int:
        """Number of trainable weights."""
        return sum(rows * columns for rows, columns in self.layer_shapes)

    @property
    def linear(self) -> bool:
        """Whether the student is linear in its input: no activation function, no biases."""
        return self.activation == "identity" and not self.bias

    @cached_property
    def root_x(self) -> Array:
        """Symmetric root ``Σx^{1/2}`` of the inputs' second moment."""
        return sqrt_psd(self.cov_x)

    @cached_property
    def noise_moment(self) -> Array:
        """``Γ = E[vec(ε zᵀ) vec(ε zᵀ)ᵀ]`` with ``z = Σx^{-1/2} x``, ``(p n, p n)``, row-major.

        ``Σε ⊗ 1`` where residuals do not depend on inputs; of samples the moment of their own. The
        gradient covariance of independent samples on the minima is ``4 JᵀΓJ``.
        """
        rows, columns = self.target.shape
        if self.x is None or self.y is None:
            return np.asarray(np.kron(self.cov_noise, np.eye(columns)), dtype=np.float64)
        errors = self.x @ self.target.T - self.y
        inputs = self.x @ inverse_sqrt_psd(self.cov_x)
        products = (errors[:, :, None] * inputs[:, None, :]).reshape(len(errors), rows * columns)
        moment = products.T @ products / len(products)
        if self.fresh_noise is not None:
            moment += np.kron(self.fresh_noise, np.eye(columns))
        return np.asarray(moment)

    @cached_property
    def rank(self) -> int:
        """Rank ``r`` of ``V Σx^{1/2}``."""
        return rank(self.target @ self.root_x)

    @cached_property
    def weight_scale(self) -> float:
        """Size of a weight at a minimum, relative to which weights are large or small.

        Weights have units, and these are those of ``(labels / inputs)^{1/D}``. Where the theory
        holds this is ``‖M⁺ V E⁺‖^{1/D}``, the largest singular value of a layer at the balanced
        minimum. Elsewhere there need be no linear map ``V`` at all, and it is ``s = (u/c)^{1/D}``
        with ``c² = E‖E x‖²`` and ``u² = E‖M⁺ y‖²``: layers that multiply sizes by ``s`` each take
        inputs to labels. A bias is as large as what its layer hands on, which lies between ``c s``
        and ``u``, so with biases the scale is the largest of ``s``, ``c s`` and ``u``.
        """
        pulled = np.linalg.pinv(self.embed_out)
        if self.linear and self.loss != "cross_entropy":
            product = pulled @ self.target @ np.linalg.pinv(self.embed_in)
            return float(np.linalg.norm(product, 2) ** (1.0 / self.depth))
        if self.y is None:
            labels = self.target @ self.cov_x @ self.target.T + self.cov_noise
        else:
            labels = self.y.T @ self.y / len(self.y)
        size_in = float(np.sqrt(np.trace(self.embed_in @ self.cov_x @ self.embed_in.T)))
        size_out = float(np.sqrt(np.trace(pulled @ labels @ pulled.T)))
        if size_in == 0.0:
            return size_out
        scale = float((size_out / size_in) ** (1.0 / self.depth))
        return max(scale, size_in * scale, size_out) if self.bias else scale

    def require_theory(self) -> None:
        """Check that this is the kind of problem that the theory is about.

        Raises
        ------
        ConditionError
            ``linear student`` or ``quadratic loss``.
        """
        if not self.linear:
            biases = "with biases" if self.bias else "without biases"
            raise ConditionError(
                "linear student",
                "the theory expects a student without activation function and biases, got "
                f"activation {self.activation!r} {biases}",
            )
        if self.loss == "cross_entropy":
            raise ConditionError(
                "quadratic loss",
                "the theory expects the loss 'squared' or 'whitened', got 'cross_entropy'",
            )

    def require_theorem(self) -> None:
        """Check the theorem's conditions on kind, shapes and ranks.

        Embeddings need not be square: the formulas hold with pseudo-inverses as long as ``E``
        loses no input that labels depend on and ``M`` reaches every label that can be predicted
        (docs/theory.md §3.5). For others see `core.attainable`.

        Raises
        ------
        ConditionError
            Naming the first condition that fails: ``linear student``, ``quadratic loss``,
            ``signal``, ``invertible input embedding``, ``invertible output embedding``, ``width
            below rank``.
        """
        self.require_theory()
        if self.rank == 0:
            raise ConditionError("signal", "expected V Σx^{1/2} of rank >= 1, got rank 0")
        for name, matrix, full, side in (
            ("invertible input embedding", self.embed_in, self.embed_in.shape[1], "column"),
            ("invertible output embedding", self.embed_out, self.embed_out.shape[0], "row"),
        ):
            actual = rank(matrix)
            lost = self._lost_inputs() if side == "column" else self._lost_labels()
            if actual < full and lost > RANK_TOLERANCE:
                raise ConditionError(
                    name,
                    f"expected full {side} rank {full}, got rank {actual} of shape {matrix.shape}",
                )
        narrowest = min(self.dims[1:-1])
        if narrowest < self.rank:
            raise ConditionError(
                "width below rank",
                f"expected every hidden width >= rank {self.rank} of the target, got {narrowest}",
            )

    def _lost_inputs(self) -> float:
        """Part of ``V Σx^{1/2}`` that acts on what ``E`` loses, relative to the whole."""
        kept = self.target @ np.linalg.pinv(self.embed_in) @ self.embed_in
        return float(
            np.linalg.norm((self.target - kept) @ self.root_x)
            / np.linalg.norm(self.target @ self.root_x)
        )

    def _lost_labels(self) -> float:
        """Part of ``V Σx^{1/2}`` outside the range of ``M``, relative to the whole."""
        signal = self.target @ self.root_x
        kept = self.embed_out @ np.linalg.pinv(self.embed_out) @ signal
        return float(np.linalg.norm(signal - kept) / np.linalg.norm(signal))

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
        num_noisy = int(np.sum(noise > floor))
        if num_noisy < self.rank:
            raise ConditionError(
                "full-rank noise",
                f"expected label noise in all {self.rank} directions of the signal, got "
                f"{num_noisy}; along noise-free directions the entropy has no minimum",
            )

    def _facts(self) -> dict[str, object]:
        told: dict[str, object] = {"dims": self.dims, "num_parameters": self.num_parameters}
        told |= {"loss": self.loss, "activation": self.activation}
        return told | ({"bias": True} if self.bias else {})


def theory_problem(source: Teacher | Samples, student: EDLN | MLP, loss: str) -> Problem:
    """Fold a student for the theory: how public functions without weights begin.

    A loss whitened by a running estimate is, once the estimate has settled, the one whitened by
    the noise covariance, so the theory of the latter stands for both.

    Raises
    ------
    MethexisError
        On shapes that do not fit, or a student or loss that the theory is not about.
    """
    one_of("loss", loss, LOSSES)
    problem = Problem.of(source, student, "whitened" if loss == "whitened_running" else loss)
    problem.require_theory()
    return problem


def bind(
    source: Teacher | Samples, student: EDLN | MLP, weights: Sequence[ArrayLike], loss: str
) -> tuple[Problem, list[Array]]:
    """Fold a student and check the weights given for it: how public functions begin.

    Raises
    ------
    MethexisError
        On shapes that do not fit, or a student or loss that the theory is not about.
    """
    problem = theory_problem(source, student, loss)
    return problem, weight_list(weights, problem.dims)


def _whitening(cov_noise: Array) -> Array:
    """``Σε^{-1/2}``; refuse a singular ``Σε``."""
    if rank(cov_noise) < len(cov_noise):
        raise ConditionError(
            "full-rank noise",
            "the whitened loss needs an invertible label-noise covariance, got rank "
            f"{rank(cov_noise)} of {len(cov_noise)}",
        )
    return inverse_sqrt_psd(cov_noise)


def _excess(source: Teacher | Samples, num_private: int) -> Array:
    """Excess kurtosis by the source's law; private features are Gaussian."""
    excess = np.zeros(source.dim_x + num_private)
    if isinstance(source, Teacher):
        excess[: source.dim_x] = EXCESS_KURTOSIS[source.law_x]
    return excess


def _require_probabilities(y: Array | None) -> None:
    if y is None:
        raise MethexisError(
            "loss: expected Samples with 'cross_entropy' (rows of y are class probabilities), "
            "got a teacher"
        )
    if y.min() < 0.0:
        row = int(np.argwhere(y < 0.0)[0][0])
        raise MethexisError(
            "labels: expected class probabilities with 'cross_entropy' (no negative entry), "
            f"got {y[row].min():g} in row {row}"
        )
    sums = y.sum(axis=1)
    row = int(np.argmax(np.abs(sums - 1.0)))
    if abs(sums[row] - 1.0) > _PROBABILITY_TOLERANCE:
        raise MethexisError(
            "labels: expected class probabilities with 'cross_entropy' (rows that sum to 1), "
            f"got the sum {sums[row]:g} in row {row}"
        )
