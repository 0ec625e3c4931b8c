"""`calibrate`, `calibrate_layers`: a score less its critical value under random pairings.

With scores ``s_1 … s_K`` of K random pairings of the rows and the observed s, the critical value τ
is the ``⌈(1 - α)(K + 1)⌉``-th smallest of all K + 1, ``p = (1 + #{s_k ≥ s}) / (K + 1)``, and the
calibrated score ``max(0, (s - τ) / (s_max - τ))``: zero unless significant at level α. The maximum
with zero is the definition; nothing is cut from above.

`compare` answers the same question with a score that is not cut at all (`Comparison.effect`), an
interval, and moments in closed form where there are any; this is for scripts that have the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any, NamedTuple

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array, count, integer, number, one_of, sequence, shown
from methexis.display import line, page_part
from methexis.errors import MethexisError
from methexis.measures.inference import nulls
from methexis.measures.inputs.features import Features, features, to_numpy, together
from methexis.measures.measure import Measure
from methexis.measures.registry import chosen


class Calibrated(NamedTuple):
    """A calibrated score, its p-value, and the critical value of the raw score."""

    score: float
    p: float
    tau: float

    def __repr__(self) -> str:
        return line("Calibrated", self._asdict())

    def _repr_html_(self) -> str:
        """The three numbers as a table, for a notebook."""
        return page_part("Calibrated", self._asdict())


def calibrate(
    X: Any,
    Y: Any,
    sim: str | Measure[Any] | Callable[[Any, Any], Any],
    *,
    K: int = 200,
    alpha: float = 0.05,
    smax: float | None = 1.0,
    seed: int = 0,
    perm_fn: Callable[[int, Any], Any] | None = None,
) -> Calibrated:
    """Calibrate a similarity against random pairings of the rows.

    Parameters
    ----------
    X, Y : array (num_samples, num_features)
        Features with paired rows, of NumPy or PyTorch.
    sim : str, Measure or function
        A measure of ours, of which each representation is then reduced once and only what it was
        reduced to is permuted; or any function of two arrays, larger if more similar, which is
        called K + 1 times.
    K : int
        Random pairings.
    alpha : float
        Level: the calibrated score of unrelated representations exceeds zero this often.
    smax : float or None
        Largest value of the similarity. None: the score is ``max(0, s - τ)``.
    seed : int
        Seed of the orders.
    perm_fn : function (n, device) -> order, optional
        Draws an order of the rows of `Y` instead, for pairings that are restricted.

    Returns
    -------
    Calibrated
        ``(score, p, tau)``.

    Raises
    ------
    MethexisError
        If features or options are refused, `sim` is a distance, or it gives no number.

    References
    ----------
    .. [1] F. Gröger, S. Wen, M. Brbić, Revisiting the Platonic Representation Hypothesis: An
       Aristotelian View, 2026.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=(2, 64, 30))
    >>> round(calibrate(x, x + y, "cka").score, 2), calibrate(x, y, "cka").score
    (0.49, 0.0)
    """
    K, alpha, smax, seed = _settings(K, alpha, smax, seed)
    first, second = features("X", X), features("Y", Y)
    together(first, second)
    orders = _orders(second, K, seed, perm_fn)
    scores = _scored(sim, [X], [Y], ([first], [second]), orders)[:, 0, 0]
    return _calibrated(float(scores[0]), scores[1:], alpha, smax)


def calibrate_layers(
    X_layers: Sequence[Any],
    Y_layers: Sequence[Any],
    sim: str | Measure[Any] | Callable[[Any, Any], Any],
    *,
    agg: str | Callable[[Array], Any] = "max",
    K: int = 200,
    alpha: float = 0.05,
    smax: float | None = 1.0,
    seed: int = 0,
    perm_fn: Callable[[int, Any], Any] | None = None,
) -> Calibrated:
    """Calibrate the best, or the mean, of all pairs of layers: one order serves all of them.

    `compare_all` corrects every pair for the search rather than the best only.

    Parameters
    ----------
    X_layers, Y_layers : sequences of arrays (num_samples, num_features)
        Layers of two models, of the same samples.
    sim, K, alpha, smax, seed, perm_fn
        The same as of `calibrate`.
    agg : {"max", "mean"} or function
        What is made of the scores ``(num_X_layers, num_Y_layers)``.

    Returns
    -------
    Calibrated
        ``(score, p, tau)`` of what was made of them.

    Raises
    ------
    MethexisError
        On the input that `calibrate` refuses; if there are no layers.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=(2, 3, 64, 30))
    >>> scores = [calibrate_layers(x, other, "cka").score for other in (y, x[::-1])]
    >>> [round(score, 6) for score in scores]
    [0.0, 1.0]
    """
    K, alpha, smax, seed = _settings(K, alpha, smax, seed)
    if isinstance(agg, str):
        named: dict[str, Callable[[Array], Any]] = {"max": np.max, "mean": np.mean}
        aggregate = named[one_of("agg", agg, tuple(named))]
    elif callable(agg):
        aggregate = agg
    else:
        raise MethexisError(f"agg: expected 'max', 'mean' or a function, got {shown(agg)}")
    sides = []
    X_layers, Y_layers = (
        sequence("X_layers", X_layers, "arrays"),
        sequence("Y_layers", Y_layers, "arrays"),
    )
    for name, layers in (("X_layers", X_layers), ("Y_layers", Y_layers)):
        if len(layers) == 0:
            raise MethexisError(f"{name}: expected at least one layer, got none")
        sides.append([features(f"{name}[{i}]", layer) for i, layer in enumerate(layers)])
    for layer in (*sides[0], *sides[1]):
        together(sides[0][0], layer)
    orders = _orders(sides[1][0], K, seed, perm_fn)
    scores = _scored(sim, X_layers, Y_layers, (sides[0], sides[1]), orders)
    made = np.array([float(aggregate(one)) for one in scores])
    return _calibrated(float(made[0]), made[1:], alpha, smax)


def _scored(
    sim: str | Measure[Any] | Callable[[Any, Any], Any],
    X_layers: Sequence[Any],
    Y_layers: Sequence[Any],
    sides: tuple[list[Features], list[Features]],
    orders: NDArray[np.int64],
) -> Array:
    """Scores of all pairs, first as they are paired and then in each of the orders."""
    scores = np.empty((len(orders) + 1, len(sides[0]), len(sides[1])))
    if callable(sim) and not isinstance(sim, Measure):
        for (i, x), (j, y) in product(enumerate(sides[0]), enumerate(sides[1])):
            values = _called(sim, _given(X_layers[i], x), _given(Y_layers[j], y), orders)
            scores[0, i, j], scores[1:, i, j] = values
        return scores
    measure = _similarity(sim)
    rows, columns = ([measure.reduce(layer) for layer in side] for side in sides)
    for (i, a), (j, b) in product(enumerate(rows), enumerate(columns)):
        scores[0, i, j], scores[1:, i, j] = measure.score(a, b), measure.permuted(a, b, orders)
    return scores


def _settings(
    K: int, alpha: float, smax: float | None, seed: int
) -> tuple[int, float, float | None, int]:
    return (
        count("K", K, least=1),
        number("alpha", alpha, above=0.0, below=1.0),
        None if smax is None else number("smax", smax, above=0.0),
        integer("seed", seed, least=0),
    )


def _orders(
    second: Features, K: int, seed: int, perm_fn: Callable[[int, Any], Any] | None
) -> NDArray[np.int64]:
    if perm_fn is None:
        return nulls.orders(second.num_samples, K, seed)
    device = array_api_compat.device(second.array)
    drawn = [to_numpy(perm_fn(second.num_samples, device)) for _ in range(K)]
    return np.array([_order(order, second.num_samples) for order in drawn])


def _given(value: Any, checked: Features) -> Any:
    """An array as it came, for functions that are not ours."""
    return value if array_api_compat.is_array_api_obj(value) else checked.array


def _calibrated(observed: float, null: Array, alpha: float, smax: float | None) -> Calibrated:
    count = len(null)
    everything = np.sort(np.append(null, observed))
    tau = float(everything[max(0, math.ceil((1.0 - alpha) * (count + 1)) - 1)])
    p = float((1 + np.count_nonzero(null >= observed)) / (count + 1))
    above = observed - tau
    if smax is not None and above > 0.0:
        if tau >= smax:
            raise MethexisError(
                f"smax: expected more than the critical value {tau:.4g}, got {smax}"
            )
        above /= smax - tau
    return Calibrated(max(0.0, above), p, tau)


def _similarity(sim: str | Measure[Any]) -> Measure[Any]:
    measure = chosen(sim, {})
    if measure.distance:
        raise MethexisError(
            f"sim: expected a similarity, larger if more alike, got the distance {measure.name}"
        )
    return measure


def _called(
    sim: Callable[[Any, Any], Any], x: Any, y: Any, orders: NDArray[np.int64]
) -> tuple[float, Array]:
    xp, device = array_api_compat.array_namespace(y), array_api_compat.device(y)

    def scored(other: Any) -> float:
        try:
            score = float(sim(x, other))
        except (TypeError, ValueError) as error:
            raise MethexisError(f"sim: expected a function that gives a number, {error}") from None
        if math.isnan(score):
            raise MethexisError("sim: expected a number, got NaN")
        return score

    shuffled = (y[xp.asarray(order, device=device)] for order in orders)
    return scored(y), np.array([scored(other) for other in shuffled])


def _order(given: NDArray[Any], n: int) -> NDArray[np.int64]:
    if given.shape != (n,) or not np.array_equal(np.sort(given), np.arange(n)):
        raise MethexisError(f"perm_fn: expected an order of {n} rows, got shape {given.shape}")
    return np.asarray(given, dtype=np.int64)
