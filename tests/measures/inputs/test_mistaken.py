"""An RDM that is given as features is refused; features that only resemble one are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

import methexis as mx
from methexis.core.checks import Array
from methexis.errors import MethexisError
from methexis.measures.inputs.features import features

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3))
ADVICE = "pass them as mx.measures.RDM.x., on the command line by --rdm"


def duplicates() -> Array:
    return squareform(pdist(X[[0, 1, 1, 2, 3, 3, 3, 4]]))


def graph(seed: int) -> Array:
    links = np.triu(np.random.default_rng(seed).random((12, 12)) < 0.4, 1)
    return (links | links.T).astype(np.float64)


RDMS: dict[str, Callable[[], Any]] = {
    "Euclidean": lambda: squareform(pdist(X)),
    "squared": lambda: squareform(pdist(X)) ** 2,
    "1 - r, off by rounding": lambda: 1.0 - np.corrcoef(RNG.normal(size=(12, 7))),
    "float32": lambda: squareform(pdist(X)).astype(np.float32),
    "float16": lambda: squareform(pdist(X)).astype(np.float16),
    "integers": lambda: (squareform(pdist(X)) * 100).astype(int),
    "with duplicates": duplicates,
    "categories": lambda: (np.arange(12)[:, None] // 4 != np.arange(12)[None] // 4).astype(float),
    "tiny": lambda: squareform(pdist(X)) * 1e-200,
}
FEATURES: dict[str, Callable[[], Any]] = {
    "rows": lambda: X,
    "square": lambda: RNG.normal(size=(12, 12)),
    "square and positive": lambda: RNG.random((12, 12)),
    "a covariance": lambda: np.cov(RNG.normal(size=(12, 30))),
    "a kernel": lambda: np.exp(-squareform(pdist(X))),
    "one-hot": lambda: np.eye(12),
    "a graph": lambda: graph(0),
    "with a negative entry": lambda: squareform(pdist(X) - 0.1 - pdist(X).min()),
    "not symmetric": lambda: np.triu(squareform(pdist(X))) + 1.01 * np.tril(squareform(pdist(X))),
    "with a column of zeros": lambda: np.hstack([squareform(pdist(X)), np.zeros((12, 1))]),
}


@pytest.mark.parametrize("name", RDMS)
def test_an_rdm_is_refused(name: str) -> None:
    given = RDMS[name]()
    with pytest.raises(MethexisError, match=ADVICE) as caught:
        features("X", given)
    assert "\n" not in str(caught.value)
    mx.measures.RDM(given)  # as it advises


@pytest.mark.parametrize("name", FEATURES)
def test_features_are_taken(name: str) -> None:
    assert features("X", FEATURES[name]()).num_samples == 12


def test_no_random_graph_is_taken_for_an_rdm() -> None:
    for seed in range(200):
        given = graph(seed)
        assert features("X", given).num_samples == len(given)


def test_a_tensor_is_refused_too() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(MethexisError, match=ADVICE):
        features("X", torch.asarray(squareform(pdist(X))))


@pytest.mark.parametrize(
    "call",
    [
        lambda d: mx.compare(d, X, "cka"),
        lambda d: mx.compare(X, d, "rsa"),
        lambda d: mx.compare_all({"d": d}, {"x": X}, "cka"),
        lambda d: mx.closer(X, X[:, :2], d),
        mx.measures.rdm,
        lambda d: mx.measures.cka(d, X),
    ],
    ids=["compare", "compare rsa", "compare_all", "closer", "rdm", "cka"],
)
def test_every_way_in(call: Callable[[Array], Any]) -> None:
    with pytest.raises(MethexisError, match=ADVICE):
        call(squareform(pdist(X)))


def test_the_advice_helps_who_means_features() -> None:
    """A column of zeros changes no distance and no product."""
    given = squareform(pdist(X))
    wider = np.hstack([given, np.zeros((12, 1))])
    assert pdist(wider) == pytest.approx(pdist(given), rel=1e-15)
    assert 0.0 < mx.measures.cka(wider, X) < 1.0
