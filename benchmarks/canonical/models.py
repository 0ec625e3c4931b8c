"""Classifiers of handwritten digits that are trained, gauged, merged, rounded and tuned."""

from __future__ import annotations

from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any

import numpy as np

import methexis as mx
from methexis.probes.frameworks.optional import torch

#: Widths of the hidden layers, and of the linear map that stands for one in the factored net.
WIDTH, INNER = 64, 24
#: Gauges in which a model is looked at, in the order of the tables.
GAUGES = ("as it is", "norm", "activations", "entropy")
#: The same with what balance leaves open taken from the function too.
FIXED = ("norm, principal", "entropy, principal")
#: How unequal the units of a badly balanced model are: deviation of the logarithm of factors.
SPREAD = 1.0


@dataclass(frozen=True)
class Data:
    """Digits to learn from and to test with, in double precision.

    Attributes
    ----------
    x, y : tensors
        Of training.
    test_x, test_y : tensors
    """

    x: Any
    y: Any
    test_x: Any
    test_y: Any

    @classmethod
    def digits(cls) -> Data:
        """Those of scikit-learn, as `examples.digits` divides them."""
        arrays = []
        for samples in resolve_name("examples.digits:digits")():  # which loads scikit-learn
            arrays += [torch.tensor(samples.x), torch.tensor(samples.y.argmax(axis=1))]
        return cls(*arrays)

    def mirrored(self) -> Data:
        """The same pictures seen in a mirror: another task of the same kind."""
        flipped = (one.reshape(-1, 8, 8).flip(-1).reshape(-1, 64) for one in (self.x, self.test_x))
        x, test_x = flipped
        return Data(x, self.y, test_x, self.test_y)


def net(kind: str, seed: int) -> Any:
    """A fresh net of two hidden layers: plain, or each of its maps a product of two."""
    torch.manual_seed(seed)
    sizes = [(64, WIDTH), (WIDTH, WIDTH), (WIDTH, 10)]
    layers: list[Any] = []
    for place, (read, made) in enumerate(sizes):
        given = INNER if kind == "factored" and place < 2 else read
        if given != read:
            layers.append(torch.nn.Linear(read, INNER, bias=False))
        layers.append(torch.nn.Linear(given, made))
        if place < 2:
            layers.append(torch.nn.ReLU())
    return torch.nn.Sequential(*layers).double().eval()


def trained(
    model: Any, data: Data, *, lr: float, steps: int, seed: int, momentum: float = 0.0
) -> Any:
    """A model after steps of SGD on batches of 32; it is written into."""
    order = np.random.default_rng(seed)
    optimiser = torch.optim.SGD(model.parameters(), lr=lr, momentum=momentum)
    for _ in range(steps):
        rows = order.integers(len(data.x), size=32)
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(model(data.x[rows]), data.y[rows]).backward()
        optimiser.step()
    return model


def tuned(
    models: list[Any], rates: list[float], data: Data, *, steps: int, seed: int
) -> list[float]:
    """Loss of several models after steps of SGD, each at a rate of its own, on the same batches.

    They are trained together, as one stack of arrays; the models themselves stay.
    """
    held = {
        name: torch.stack([dict(one.named_parameters())[name].detach() for one in models])
        for name, _ in models[0].named_parameters()
    }

    def of_one(arrays: dict[str, Any], x: Any, y: Any) -> Any:
        return torch.nn.functional.cross_entropy(
            torch.func.functional_call(models[0], arrays, (x,)), y
        )

    several = torch.func.vmap(torch.func.grad(of_one), in_dims=(0, None, None))
    lr, order = torch.tensor(rates), np.random.default_rng(seed)
    for _ in range(steps):
        rows = order.integers(len(data.x), size=32)
        for name, slope in several(held, data.x[rows], data.y[rows]).items():
            held[name] -= lr.reshape(-1, *(1 for _ in slope.shape[1:])) * slope
    tests = torch.func.vmap(of_one, in_dims=(0, None, None))(held, data.test_x, data.test_y)
    return [float(one) for one in tests]


def accuracy(model: Any, data: Data) -> float:
    """Share of the digits to test with that are classified rightly."""
    with torch.no_grad():
        return float((model(data.test_x).argmax(1) == data.test_y).double().mean())


def unbalanced(model: Any, data: Data, seed: int) -> Any:
    """The same function with units of very unequal sizes."""
    rng = np.random.default_rng([7, seed])
    for place in range(len(mx.interfaces(model, data.x[:4]))):
        one = mx.interfaces(model, data.x[:4])[place]
        size = one.size
        factors = np.exp(SPREAD * rng.standard_normal(size))
        element = np.diag(factors)
        if one.group == "linear":
            element = np.linalg.qr(rng.standard_normal((size, size)))[0] @ element
        model = one.apply(element)
    return model


def gauged(model: Any, data: Data, gauge: str) -> Any:
    """A model in one of `GAUGES`, or of `FIXED`; moments are of 500 digits learnt from."""
    if gauge == "as it is":
        return model
    by, _, axes = gauge.partition(", ")
    moments = data.x[:500], data.y[:500]
    made = mx.canonicalize(
        model, torch.nn.functional.cross_entropy, moments, by=by, axes=axes or "nearest"
    )
    if not made.proved:
        raise RuntimeError(f"{gauge}: outputs changed by {made.change}")
    return made.model
