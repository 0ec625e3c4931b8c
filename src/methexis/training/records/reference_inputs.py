"""Measuring nonlinear students, which have no closed forms: on reference inputs.

A linear layer is a matrix, and all that is said about it follows exactly from second moments. A
layer behind an activation function is a function, and what is said about it depends on the inputs
it is looked at with. These are the *reference inputs*, the same at every recorded step, for every
network and in every run on the same source:

- of samples, rows of the data set: all of them, or `NUM_INPUTS` evenly spread over it;
- of a teacher, `NUM_INPUTS` draws by its laws (four per input dimension if that is more), corrected
  linearly so that their second moments are exact. A linear layer beside a nonlinear one is
  therefore measured as exactly as among its own kind.

Activations are taken after the activation function. The alignment of two layers is the cosine of
their Gram matrices over these inputs, uncentred, as for linear layers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from methexis.core.activations import ACTIVATIONS
from methexis.core.checks import Array
from methexis.core.layers.geometry import moment_cosines
from methexis.core.linalg import inverse_sqrt_psd, sqrt_psd
from methexis.core.problem import Problem
from methexis.core.random.laws import wide_numbers
from methexis.core.random.streams import Stream, StreamId, normals, student_stream
from methexis.core.samples import Samples
from methexis.training.plan import Plan

#: How many reference inputs there are, unless the data set is smaller or the inputs are wide.
NUM_INPUTS = 1024
_INPUTS_PER_DIMENSION = 4
#: Bytes of activations held at once.
_BLOCK_BYTES = 2**20


@dataclass(frozen=True, eq=False)
class OnInputs:
    """What is measured on reference inputs.

    Attributes
    ----------
    alignments : array (network, layer, layer)
        Cosines of the Gram matrices of all pairs of hidden layers; NaN where a layer is silent on
        all of them.
    losses : list (student) of dict of arrays (network,)
        Mean loss; the accuracy too, of classes.
    spectra : list (student) of list (hidden layer) of arrays (network, d_i)
        Eigenvalues of ``E[h hᵀ]``, descending.
    """

    alignments: Array
    losses: list[dict[str, Array]]
    spectra: list[list[Array]]


class ReferenceInputs:
    """The reference inputs of a plan's source, and what is measured on them.

    Attributes
    ----------
    inputs : list (student) of arrays (d_0, num_inputs)
        ``h_0 = E x``, an input in every column.
    labels : list (student) of arrays (p, num_inputs)
        Folded labels; of a teacher without their noise, whose part of a loss is known.
    noise : list (student) of float
        That part, and that of label noise.
    """

    def __init__(self, plan: Plan, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        self.inputs: list[Array] = []
        self.labels: list[Array] = []
        self.noise: list[float] = []
        if isinstance(plan.source, Samples):
            count = plan.source.num_samples
            rows = np.linspace(0, count - 1, min(count, NUM_INPUTS)).round().astype(np.int64)
            for problem in self.problems:
                assert problem.x is not None and problem.y is not None  # as for all samples
                self.inputs.append(problem.embed_in @ problem.x[rows].T)
                self.labels.append(np.ascontiguousarray(problem.y[rows].T))
                fresh = problem.fresh_noise
                self.noise.append(0.0 if fresh is None else float(np.trace(fresh)))
        else:
            for problem, x in zip(self.problems, _draws(plan), strict=True):
                self.inputs.append(problem.embed_in @ x.T)
                self.labels.append(problem.target @ x.T)
                self.noise.append(float(np.trace(problem.cov_noise)))
        self._likeliest: list[NDArray[np.intp]] = [labels.argmax(axis=0) for labels in self.labels]
        self._fixed: dict[int, dict[str, NDArray[Any] | None]] = {}

    def fixed(self, k: int) -> dict[str, NDArray[Any] | None]:
        """What of a student never changes, as compiled kernels read it: its inputs in rows."""
        if k not in self._fixed:
            problem = self.problems[k]
            plain = np.array_equal(problem.embed_out, np.eye(*problem.embed_out.shape))
            classes = problem.loss == "cross_entropy"
            self._fixed[k] = {
                "inputs": np.ascontiguousarray(self.inputs[k].T),
                "embed_out": None if plain else np.ascontiguousarray(problem.embed_out),
                "labels": np.ascontiguousarray(self.labels[k]),
                "likeliest": self._likeliest[k].astype(np.int64) if classes else None,
            }
        return self._fixed[k]

    def measure(self, weights: Sequence[Sequence[Array]]) -> OnInputs:
        """All that is measured of all students at their weights, list (student) of list (layer)."""
        widths = [w.shape[-2] for layers in weights for w in layers[:-1]]
        alignments, spectra = [], []
        losses: list[dict[str, list[Array]]] = [{} for _ in weights]
        for part in self._parts(weights):
            # All hidden layers side by side, so that one product gives all their moments.
            count = self.inputs[0].shape[-1]
            stacked = np.empty((len(part[0][0]), sum(widths), count))
            first = 0
            for k, layers in enumerate(part):
                width = sum(w.shape[-2] for w in layers[:-1])
                hidden = stacked[:, first : first + width]
                last = layer_outputs(self.problems[k], layers, self.inputs[k], hidden)[-1]
                for name, value in self._losses(k, last).items():
                    losses[k].setdefault(name, []).append(value)
                first += width
            moments = stacked @ stacked.mT / count
            alignments.append(moment_cosines(moments, widths))
            spectra.append(self._spectra(moments))
        return OnInputs(
            np.concatenate(alignments),
            [
                {name: np.concatenate(parts) for name, parts in student.items()}
                for student in losses
            ],
            [
                [np.concatenate(parts) for parts in zip(*layers, strict=True)]
                for layers in zip(*spectra, strict=True)
            ],
        )

    def _losses(self, k: int, last: Array) -> dict[str, Array]:
        problem, labels = self.problems[k], self.labels[k]
        f = problem.embed_out @ last
        if problem.loss != "cross_entropy":
            return {"loss": np.sum((f - labels) ** 2, axis=-2).mean(axis=-1) + self.noise[k]}
        right = (f.argmax(axis=-2) == self._likeliest[k]).astype(np.float64)
        right[~np.isfinite(f).all(axis=-2)] = np.nan
        costs = np.sum(log_softmax(f, axis=-2) * labels, axis=-2)
        return {"loss": -costs.mean(axis=-1), "accuracy": right.mean(axis=-1)}

    def _spectra(self, moments: Array) -> list[list[Array]]:
        """Eigenvalues of ``E[h hᵀ]`` of all hidden layers, from the moments of all stacked."""
        spectra: list[list[Array]] = []
        first = 0
        for problem in self.problems:
            spectra.append([])
            for width in problem.dims[1:-1]:
                moment = moments[..., first : first + width, first : first + width]
                values = np.full(moment.shape[:-1], np.nan)
                good = np.isfinite(moment).all(axis=(-2, -1))
                values[good] = np.linalg.eigvalsh(moment[good])[:, ::-1]
                spectra[-1].append(values)
                first += width
        return spectra

    def _parts(self, weights: Sequence[Sequence[Array]]) -> Iterator[list[list[Array]]]:
        """Cut the axis of networks so that the activations of one part fit `_BLOCK_BYTES`."""
        outputs = sum(w.shape[-2] for layers in weights for w in layers)
        size = max(1, _BLOCK_BYTES // (8 * self.inputs[0].shape[-1] * outputs))
        for first in range(0, len(weights[0][0]), size):
            yield [
                [w[first : first + size].astype(np.float64) for w in layers] for layers in weights
            ]


def layer_outputs(
    problem: Problem, weights: Sequence[Array], inputs: Array, hidden: Array | None = None
) -> list[Array]:
    """``h_0 … h_D`` as columns ``(..., d_i, num_samples)``, hidden ones after their activation.

    Parameters
    ----------
    weights : list of arrays (..., d_i, d_{i-1} + bias)
    inputs : array (d_0, num_samples)
        ``h_0 = E x``.
    hidden : array (..., sum of d_1 … d_{D-1}, num_samples), optional
        Where the hidden layers go, one below the other.
    """
    act = ACTIVATIONS[problem.activation].value
    layers = [inputs]
    first = 0
    for i, w in enumerate(weights):
        inner = i < len(weights) - 1
        out = None
        if inner and hidden is not None:
            out = hidden[..., first : first + w.shape[-2], :]
        first += w.shape[-2]
        sums = np.matmul(w[..., :-1] if problem.bias else w, layers[-1], out=out)
        if problem.bias:
            sums += w[..., -1:]
        if inner and out is not None:
            out[...] = act(sums)
        layers.append(sums if out is not None or not inner else act(sums))
    return layers


def _draws(plan: Plan) -> list[Array]:
    """Inputs ``[x; u_k]`` drawn of a teacher for every student, ``(num_inputs, n)``."""
    source = plan.source
    assert not isinstance(source, Samples)  # a data set's inputs are its rows
    sizes = [s.view.num_private for s in plan.students]
    total = source.dim_x + sum(sizes)
    count = max(NUM_INPUTS, _INPUTS_PER_DIMENSION * total)
    key = Stream(seed=0, stream=StreamId.REFERENCE_INPUTS).key
    parts = [wide_numbers(key, 0, 1, count, [(source.law_x, source.dim_x)])[0, 0]]
    for k, size in enumerate(sizes):
        key = Stream(seed=0, stream=student_stream(StreamId.REFERENCE_INPUTS, k)).key
        parts.append(normals(key, 1, 1, count * size).reshape(count, size))
    white = np.hstack(parts)
    white = white @ inverse_sqrt_psd(white.T @ white / count)
    x = white[:, : source.dim_x] @ sqrt_psd(source.cov_x)
    result = []
    at = source.dim_x
    for student, size in zip(plan.students, sizes, strict=True):
        private = student.view.private_cov
        own = [] if private is None else [white[:, at : at + size] @ sqrt_psd(private)]
        result.append(np.hstack([x, *own]))
        at += size
    return result
