"""A multilayer perceptron and its gradients, sample by sample and neuron by neuron."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import erf

#: Activation functions and their derivatives.
SLOPES: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "identity": (lambda z: z, lambda z: 1.0),
    "relu": (lambda z: max(z, 0.0), lambda z: float(z > 0)),
    "leaky_relu": (lambda z: z if z > 0 else 0.01 * z, lambda z: 1.0 if z > 0 else 0.01),
    "tanh": (math.tanh, lambda z: 1 / math.cosh(z) ** 2),
    "gelu": (
        lambda z: z * (1 + erf(z / math.sqrt(2))) / 2,
        lambda z: (
            (1 + erf(z / math.sqrt(2))) / 2 + z * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
        ),
    ),
    "softplus": (lambda z: math.log1p(math.exp(z)), lambda z: 1 / (1 + math.exp(-z))),
}


@dataclass
class Net:
    """A multilayer perceptron with the batch of one step, sample by sample, neuron by neuron."""

    activation: str
    bias: bool
    loss: str
    inputs: np.ndarray
    labels: np.ndarray

    def forward(self, weights: list[np.ndarray], x: np.ndarray) -> tuple[list, list]:
        value = SLOPES[self.activation][0]
        seen, sums = [], []
        h = x
        for w in weights:
            seen.append(np.append(h, 1.0) if self.bias else h)
            sums.append(w @ seen[-1])
            h = np.array([value(z) for z in sums[-1]])
        return seen, sums

    def signal(self, f: np.ndarray, y: np.ndarray) -> np.ndarray:
        if self.loss == "squared":
            return 2 * (f - y)
        shares = np.exp(f - f.max())
        return shares / shares.sum() - y

    def per_sample(self, weights: list[np.ndarray]) -> Iterator[tuple[list, list, list]]:
        """``∂ℓ/∂h_i`` of hidden layers, pre-activations and gradients of every sample."""
        slope = SLOPES[self.activation][1]
        for x, y in zip(self.inputs, self.labels, strict=True):
            seen, sums = self.forward(weights, x)
            signal = self.signal(sums[-1], y)
            gradients, errors = [np.outer(signal, seen[-1])], []
            for i in range(len(weights) - 1, 0, -1):
                inner = weights[i][:, :-1] if self.bias else weights[i]
                errors.append(inner.T @ signal)
                signal = np.array(
                    [e * slope(z) for e, z in zip(errors[-1], sums[i - 1], strict=True)]
                )
                gradients.append(np.outer(signal, seen[i - 1]))
            yield errors[::-1], sums[:-1], gradients[::-1]

    def gradients(self, weights: list[np.ndarray]) -> list[np.ndarray]:
        every = [g for _, _, g in self.per_sample(weights)]
        return [np.mean(layer, axis=0) for layer in zip(*every, strict=True)]
