r"""The closed forms of a translation, all of them members of one family.

Let both sides be centred, and let a ridge be added to each covariance, λ times its mean eigenvalue.
The cross-covariance of the coordinates that this whitens has a singular value decomposition,

.. math:: (Σy + λ)^{-1/2}\, Σyx\, (Σx + λ)^{-1/2} = U S V^T ,

whose singular values are the canonical correlations, shrunk. Every map here is

.. math:: ŷ = (Σy + λ)^{1/2}\, U f(S) V^T (Σx + λ)^{-1/2} x ,

and the way back is the same with both sides exchanged:

- *linear*: ``f(S) = S`` is ridge regression, ``Σyx (Σx + λ)^{-1} x``.
- *scaled*: ``f(S) = 1`` is a rotation between whitened coordinates: directions may have other
  variances on the other side. It has half as many parameters as a linear map.
- *rotation*: ``f(S) = 1`` with λ → ∞ is the best rotation, the polar factor of ``Σyx``.

The last two come with one number per direction of prediction, the best in squares.

Splitting ``f(S)`` between both sides makes a *common space*: x becomes
``f(S)^{1/2} Vᵀ (Σx + λ)^{-1/2} x``, and y ``f(S)^{1/2} Uᵀ (Σy + λ)^{-1/2} y``. There both sides are
compared when partners are sought. It holds what the pairs know and nothing else: what a candidate
has outside the span of the pairs says nothing of its partner, and would only lengthen it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from methexis.core.checks import Array
from methexis.maps.fit import Fit, Maps

#: Kinds of maps, each with more freedom than the one before.
MAPS = ("rotation", "scaled", "linear")
#: Ridges that are tried, in units of the mean eigenvalue; the largest first, as it allows least.
RIDGES = (10.0, 1.0, 0.1, 0.01, 0.001)


class Form(NamedTuple):
    """A kind of map with its ridge.

    Of a rotation the ridge is infinite. A linear map without a ridge of its own has one for each
    direction, by generalised cross-validation (`methexis.maps.fit`).
    """

    map: str
    ridge: float | None


def forms(chosen: str, ridge: float | None) -> tuple[tuple[Form, ...], tuple[Form, ...]]:
    """What is tried for prediction and for common spaces, those of least freedom first."""
    ridges = RIDGES if ridge is None else (ridge,)
    rotation = (Form("rotation", np.inf),)
    scaled = tuple(Form("scaled", one) for one in ridges)
    regression = (Form("linear", ridge),)
    weighted = tuple(Form("linear", one) for one in ridges)
    predicting = {"rotation": rotation, "scaled": scaled, "linear": regression}
    matching = {"rotation": rotation, "scaled": scaled, "linear": weighted}
    kinds = MAPS if chosen == "auto" else (chosen,)
    return (
        tuple(form for kind in kinds for form in predicting[kind]),
        tuple(form for kind in kinds for form in matching[kind]),
    )


class White(NamedTuple):
    """Canonical directions of whitened coordinates; roots of variances with the ridge."""

    root_x: Array
    root_y: Array
    left: Array
    values: Array
    right: Array


class Taught:
    """What some pairs teach, in every form that is asked for."""

    def __init__(self, fit: Fit) -> None:
        self.fit = fit
        self._white: dict[float, White] = {}

    def white(self, ridge: float) -> White:
        """Canonical directions at a ridge; an infinite one leaves the coordinates as they are."""
        if ridge not in self._white:
            fit = self.fit
            roots = [np.ones(len(fit.lx)), np.ones(len(fit.ly))]
            if np.isfinite(ridge):
                roots = [np.sqrt(one + ridge * one.mean()) for one in (fit.lx, fit.ly)]
            cross = fit.c / roots[1][:, None] / roots[0]
            left, values, right = np.linalg.svd(cross, full_matrices=False)
            self._white[ridge] = White(roots[0], roots[1], left, values, right)
        return self._white[ridge]

    def maps(self, form: Form) -> Maps:
        """Predictions in both directions, in principal coordinates."""
        fit = self.fit
        if form.map == "linear":
            if form.ridge is None:
                return fit.linear
            x, y = (one + form.ridge * one.mean() for one in (fit.lx, fit.ly))
            return Maps(fit.c / x, fit.c.T / y)
        assert form.ridge is not None  # only linear maps have ridges of their own
        white = self.white(form.ridge)
        there = (white.root_y[:, None] * white.left) @ (white.right / white.root_x)
        back = (white.root_x[:, None] * white.right.T) @ (white.left.T / white.root_y)
        return Maps(_sized(there, fit.c, fit.lx), _sized(back, fit.c.T, fit.ly))

    def common(self, form: Form) -> tuple[Array, Array]:
        """What takes principal coordinates of x, and of y, to the common space."""
        assert form.ridge is not None  # `forms` gives all of them one
        white = self.white(form.ridge)
        x, y = white.right / white.root_x, white.left.T / white.root_y
        if form.map == "linear":
            weights = np.sqrt(white.values)[:, None]
            return weights * x, weights * y
        return x, y


def _sized(there: Array, cross: Array, values: Array) -> Array:
    """A map times the number with which it predicts best, none below zero."""
    size = float(np.sum(there**2 * values))
    return there * (max(float(np.sum(there * cross)), 0.0) / size if size > 0.0 else 0.0)
