"""Gradients of the reference engine: one forward and one backward pass, as plain as the equations.

Weights are ``W̃_i = [W_i b_i]`` where the student has biases; then ``h̃ = [h; 1]``, else ``h̃ = h``.
Columns are the samples of a batch, all of one network side by side, networks in front::

    forward    z_i = W̃_i h̃_{i-1},   h_i = act(z_i) for i < D,   h_D = z_D,   f = M h_D
    backward   G_i = g_i h̃_{i-1}ᵀ,   g_{i-1} = act'(z_{i-1}) ∘ (W_iᵀ g_i)

``g_D`` is the gradient of the loss by ``h_D``, a ``1/B`` of the batch's mean included:

================== ============================= ===============================================
loss               ``g_D``                       labels as the blocks of `batches` hold them
================== ============================= ===============================================
squared, whitened  ``(2/B) MᵀM h_D - t``         ``t = (2/B) Mᵀ y``; the metric is folded into M
whitened_running   ``(2/B) Mᵀ P (f - y)``        ``y``
cross_entropy      ``(1/B) Mᵀ (softmax(f) - y)`` ``y``
================== ============================= ===============================================

The running whitening keeps ``Σ̂``, the second moment of past residuals, for every network. A step
uses ``P = (Σ̂ + δ 1)⁻¹`` with ``δ = 1e-6 Tr Σ̂ / p``, and afterwards
``Σ̂ <- Σ̂ + a (mean_b r rᵀ - Σ̂)`` with ``a = min(1/2, B / (100 p))``: a window of about ``100 p``
samples, long against the ``10 p`` below which the estimate is too noisy to whiten with. Before the
first step ``Σ̂`` is the second moment of the labels, the residuals of a network that says nothing.

A student without activation function and biases whose loss is quadratic has an exact gradient of
the whole population or data set, from moments; with ``sampling="full"`` it is taken. All others
take the data set itself as one batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from methexis.core.activations import ACTIVATIONS
from methexis.core.checks import Array
from methexis.core.layers.products import loss_gradient
from methexis.core.problem import Problem

#: Ridge of the running whitening, in units of the mean eigenvalue of ``Σ̂``.
RIDGE = 1e-6
#: Samples per label in the window of the running whitening.
WINDOW = 100


class Gradients:
    """Batch-mean gradients of every student of a run; see the module's docstring.

    Parameters
    ----------
    problems : sequence of Problem
        One per student.
    batch : int
        Samples ``B`` of one step.
    dtype : str
        Precision of the steps.
    """

    def __init__(self, problems: Sequence[Problem], batch: int, dtype: str) -> None:
        self.problems = list(problems)
        self.batch = batch
        self.dtype = np.dtype(dtype)
        self._out = [p.embed_out.astype(dtype) for p in self.problems]
        self._curvature = [
            (2.0 / batch * (p.embed_out.T @ p.embed_out)).astype(dtype) for p in self.problems
        ]

    def __call__(
        self,
        k: int,
        weights: Sequence[Array],
        block: tuple[Array, Array],
        precision: Array | None = None,
    ) -> list[Array]:
        """Gradients ``G_i`` of student ``k`` on one batch, ``(network, d_i, d_{i-1} + bias)``.

        Parameters
        ----------
        k : int
            Student.
        weights : list of arrays (network, d_i, d_{i-1} + bias)
            Weights, biases in the last column.
        block : pair of arrays (network, d_0, B), (network, d_D or p, B)
            Inputs ``h_0`` and labels, in the form that the loss wants them in; one network if all
            see the same.
        precision : array (network, p, p), optional
            ``P`` of the running whitening, from `whiten`.
        """
        problem = self.problems[k]
        slope = ACTIVATIONS[problem.activation].derivative
        inputs, labels = block
        sums, layers = self._forward(problem, weights, inputs)
        signal = self._signal(k, sums[-1], labels, precision)
        gradients = [signal @ layers[-1].mT]
        for i in range(len(weights) - 1, 0, -1):
            w = weights[i][..., :-1] if problem.bias else weights[i]
            signal = w.mT @ signal
            if problem.activation != "identity":
                signal *= slope(sums[i - 1])
            gradients.append(signal @ layers[i - 1].mT)
        return gradients[::-1]

    def exact(self, k: int, weights: Sequence[Array]) -> list[Array]:
        """Gradient of the mean loss over population or data set, of a student in closed form."""
        full = loss_gradient(self.problems[k], weights)
        return [g.astype(self.dtype, copy=False) for g in full]

    def whiten(
        self, k: int, weights: Sequence[Array], block: tuple[Array, Array], residual_cov: Array
    ) -> Array:
        """Return ``P`` of this step; then take the step's residuals into ``residual_cov``.

        Parameters
        ----------
        residual_cov : float64 array (network, p, p)
            ``Σ̂`` of the steps before this one, changed in place. A network that is no longer
            finite keeps its own.
        """
        precision = _precision(residual_cov).astype(self.dtype)
        inputs, labels = block
        sums, _ = self._forward(self.problems[k], weights, inputs)
        residual = self._out[k] @ sums[-1] - labels
        residual = residual.astype(np.float64)
        moment = residual @ residual.mT / self.batch
        rate = min(0.5, self.batch / (WINDOW * residual_cov.shape[-1]))
        finite = np.isfinite(moment).all(axis=(-2, -1))
        residual_cov[finite] += rate * (moment[finite] - residual_cov[finite])
        return precision

    @staticmethod
    def _forward(
        problem: Problem, weights: Sequence[Array], inputs: Array
    ) -> tuple[list[Array], list[Array]]:
        """Pre-activations ``z_1 … z_D`` and the inputs ``h̃_0 … h̃_{D-1}`` of the layers."""
        act = ACTIVATIONS[problem.activation].value
        sums: list[Array] = []
        layers: list[Array] = []
        hidden = inputs
        for w in weights:
            layers.append(_with_one(hidden) if problem.bias else hidden)
            sums.append(w @ layers[-1])
            hidden = act(sums[-1])
        return sums, layers

    def _signal(self, k: int, last: Array, labels: Array, precision: Array | None) -> Array:
        """``g_D``, from the last layer's output ``h_D``."""
        loss, out = self.problems[k].loss, self._out[k]
        if loss == "cross_entropy":
            logits = out @ last
            powers = np.exp(logits - logits.max(axis=-2, keepdims=True))
            shares = powers / powers.sum(axis=-2, keepdims=True)
            return np.asarray((1.0 / self.batch * out.T) @ (shares - labels))
        if loss == "whitened_running":
            assert precision is not None  # the engine asks `whiten` for it
            return np.asarray((2.0 / self.batch * out.T) @ (precision @ (out @ last - labels)))
        return np.asarray(self._curvature[k] @ last - labels)


def start_residual_cov(problem: Problem, label_noise: Array) -> Array:
    """``Σ̂`` before the first step: second moment of the labels, ``(network, p, p)``.

    Parameters
    ----------
    label_noise : array (network,)
        Standard deviation ``σ`` of the noise added to the source's labels, which the student sees
        through its label map ``Φ``: ``E[y yᵀ] + σ² Φ Φᵀ``.
    """
    if problem.y is None:
        labels = problem.target @ problem.cov_x @ problem.target.T + problem.cov_noise
    else:
        labels = problem.y.T @ problem.y / len(problem.y)
    noise = problem.label_map @ problem.label_map.T
    return np.asarray(labels + label_noise[:, None, None] ** 2 * noise)


def _precision(residual_cov: Array) -> Array:
    """``P = (Σ̂ + δ 1)⁻¹``; the identity where there have been no residuals to whiten."""
    size = residual_cov.shape[-1]
    ridge = RIDGE * np.trace(residual_cov, axis1=-2, axis2=-1) / size
    ridge = np.where(ridge == 0.0, 1.0, ridge)
    regular = residual_cov + ridge[:, None, None] * np.eye(size)
    return np.asarray(np.linalg.inv(regular))


def _with_one(hidden: Array) -> Array:
    """``h̃ = [h; 1]``: a row of ones below, which multiplies the biases."""
    ones = np.ones((*hidden.shape[:-2], 1, hidden.shape[-1]), hidden.dtype)
    return np.concatenate([hidden, ones], axis=-2)
