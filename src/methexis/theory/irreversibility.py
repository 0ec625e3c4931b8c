r"""What does not return when steps are retraced: the irreversibility of SGD, in closed form.

A step ``θ - η g_B(θ)`` is undone by none: going back on the same samples, ``θ' + η g_B(θ')``, the
gradient is taken at the other end. What is left is ``-η² H_B g_B = -(η²/2) ∇‖g_B‖²``, the descent
of the batch's squared gradient norm by twice the step of the entropic force. After ``n`` steps and
``n`` back, in reverse order, at fixed ``T = ηn`` and as ``η -> 0`` (docs/theory.md §5.10)::

    E[θ_back - θ] = η Z(T) + O(η²),
    Z(T) = ∫_0^T U(t) f(θ_t) dt,   dθ/dt = -∇L,   dU/dt = U H(θ_t),   U(0) = 1,
    f = -½ ∇E‖g_B‖² = -(1 - s) H ∇L - (s/2) ∇S

with the *share* ``s`` of a sample's gradient noise that is in a batch: ``1/B`` for independent
samples, ``(N - B)/(B (N - 1))`` in shuffled epochs, 0 for the whole data set. ``U`` carries a
displacement back to the start; the way back climbs, so it grows across the minima. At a minimum
``Z = -(s/2) T φ(HT) ∇S`` with ``φ(a) = (e^a - 1)/a``: linear in ``T`` along the minima, exponential
across.

An integrator of order ``p`` of the gradient flow, run back with the opposite step, fails to return
by ``O(η^q)`` with ``q = 2 ⌊p/2⌋ + 1``: what one step leaves is even in ``η`` to leading order.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import scipy.integrate

from methexis.core.answers import computed, require_finite
from methexis.core.checks import Array, MethexisError, count, integer, number, one_of
from methexis.core.edln import EDLN
from methexis.core.layers.products import loss_gradient
from methexis.core.linalg import flatten, unflatten
from methexis.core.mlp import MLP
from methexis.core.problem import Problem, bind
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.theory.bounded import bounded
from methexis.theory.curvature import hessian_product, one_set
from methexis.theory.entropy import entropy_gradient_of
from methexis.theory.flow import shuffle_factor

SAMPLINGS = ("online", "replace", "shuffle", "full")


def noise_share(sampling: str, batch: int, num_samples: int | None = None) -> float:
    """Share ``s`` of a sample's gradient noise in a batch: ``E‖g_B‖² = (1 - s)‖∇L‖² + s S``.

    Parameters
    ----------
    sampling : {"online", "replace", "shuffle", "full"}
        How samples are drawn, as in `train`.
    batch : int
        Batch size ``B``; of no effect if ``full``.
    num_samples : int, optional
        Size ``N`` of the data set; needed if ``shuffle``.

    Raises
    ------
    MethexisError
        On an unknown sampling, or a batch that the data set does not hold.

    Examples
    --------
    >>> noise_share("online", 4), noise_share("shuffle", 4, 13), noise_share("full", 1)
    (0.25, 0.1875, 0.0)
    """
    one_of("sampling", sampling, SAMPLINGS)
    batch = integer("batch", batch, least=1)
    if sampling == "full":
        return 0.0
    if sampling != "shuffle":
        return 1.0 / batch
    if num_samples is None:
        raise MethexisError("sampling: expected Samples to shuffle, got a teacher")
    return shuffle_factor(num_samples, integer("batch", batch, least=1, most=num_samples)) / batch


def return_order(order: int) -> int:
    """Order ``2 ⌊p/2⌋ + 1`` to which an integrator of order ``p`` returns at fixed time.

    Parameters
    ----------
    order : int
        Order ``p >= 1`` of the integrator; plain descent is of order 1.

    Examples
    --------
    >>> [return_order(p) for p in (1, 2, 3, 4)]
    [1, 3, 3, 5]
    """
    return 2 * (integer("order", order, least=1) // 2) + 1


def retracing_force(problem: Problem, weights: Sequence[Array], share: float) -> list[Array]:
    """``-½ ∇E‖g_B‖²`` at any weights: what a step there and back leaves, over ``η²``."""
    gradient = loss_gradient(problem, weights)
    steep = hessian_product(problem, weights, gradient)
    noisy = entropy_gradient_of(problem, weights)
    return [-(1.0 - share) * h - 0.5 * share * s for h, s in zip(steep, noisy, strict=True)]


def unreturned_of(
    problem: Problem, weights: Sequence[Array], spans: Array, share: float, *, rtol: float = 1e-10
) -> list[Array]:
    """``Z(T)`` of the module's docstring at increasing ``spans`` ``T > 0``, ``(span, ...)``.

    For one set of weights. The carrier is not formed: ``z(t) = U(t)⁻¹ ∫_t^T U f`` obeys ``dz/dt =
    -H z - f`` with ``z(T) = 0``, which is followed back along the path, and ``Z(T) = z(0)``.

    Raises
    ------
    MethexisError
        If the integrator fails.
    """
    dims, start, last = problem.dims, flatten(weights), float(spans[-1])

    def descent(_: float, state: Array) -> Array:
        return -flatten(loss_gradient(problem, unflatten(state, dims)))

    with computed("irreversibility"):
        require_finite("irreversibility", descent(0.0, start), weights)
        forth = scipy.integrate.solve_ivp(
            bounded("irreversibility", descent, last),
            (0.0, last),
            start,
            method="DOP853",
            dense_output=True,
            rtol=max(1e-3 * rtol, 1e-13),  # between steps the path is known less well than at them
            atol=1e-6 * rtol,
        )
        if not forth.success:
            raise MethexisError(f"irreversibility: the integrator failed: {forth.message}")
        assert forth.sol is not None  # dense output was asked for
        along = forth.sol

        def returning(since: float, state: Array) -> Array:
            """The same backwards in time, one row per span that was longer."""
            layers = unflatten(np.asarray(along(last - since)), dims)
            rows = state.reshape(-1, start.size)
            curved = hessian_product(problem, layers, unflatten(rows, dims))
            force = flatten(retracing_force(problem, layers, share))
            return (flatten(curved) + force).ravel()

        carried = np.zeros((0, start.size))
        limited = bounded("irreversibility", returning, last)
        ends = [*spans[::-1], 0.0]
        for begin, end in itertools.pairwise(ends):
            carried = np.concatenate([np.zeros((1, start.size)), carried])
            back = scipy.integrate.solve_ivp(
                limited,
                (last - begin, last - end),
                carried.ravel(),
                method="DOP853",
                rtol=rtol,
                atol=rtol * 1e-3,
            )
            if not back.success:
                raise MethexisError(f"irreversibility: the integrator failed: {back.message}")
            carried = back.y[:, -1].reshape(carried.shape)
    require_finite("irreversibility", carried, weights)
    return unflatten(carried, dims)


def unreturned(
    source: Teacher | Samples,
    student: EDLN | MLP,
    weights: Sequence[Array],
    *,
    lr: float,
    steps: int,
    batch: int = 1,
    sampling: str = "online",
    loss: str = "squared",
) -> list[Array]:
    """Mean of what does not return after ``steps`` there and back, to leading order in ``η``.

    Parameters
    ----------
    source : Teacher or Samples
        Data.
    student : EDLN, or a linear MLP
        Network.
    weights : sequence of arrays (d_i, d_{i-1})
        Where the steps begin, and would end if they were reversible.
    lr : float
        Learning rate ``η``.
    steps : int
        Steps ``n`` in each direction; the limit is ``η -> 0`` at fixed ``ηn``.
    batch : int
        Batch size ``B``.
    sampling : {"online", "replace", "shuffle", "full"}
        How samples are drawn. The way back takes the same batches in reverse order.
    loss : {"squared", "whitened"}
        Loss.

    Returns
    -------
    list of arrays (d_i, d_{i-1})
        ``E[θ_back - θ]``.

    Raises
    ------
    MethexisError
        On bad input, or so long a time that the integrator would need too many evaluations.

    Examples
    --------
    Full-batch descent of ``(w₂w₁ - 1)²`` at ``w = (1, 2)``, a step there and back: ``-η² H ∇L``
    with ``∇L = (4, 2)`` and ``H = ((8, 6), (6, 2))``.

    >>> one, two = [[1.0]], [[2.0]]
    >>> teacher = Teacher([[1.0]], cov_noise=[[1.0]])
    >>> back = unreturned(
    ...     teacher, EDLN(hidden=(1,)), [one, two], lr=1e-6, steps=1, sampling="full"
    ... )
    >>> [round(float(w[0, 0]) / 1e-12, 2) for w in back]
    [-44.0, -28.0]
    """
    lr = number("lr", lr, above=0.0)
    steps = integer("steps", steps, least=1)
    batch = count("batch", batch, least=1)
    problem, layers = bind(source, student, weights, loss)
    one_set("unreturned", layers)
    span = number("lr", lr * number("steps", steps))
    available = source.num_samples if isinstance(source, Samples) else None
    share = noise_share(sampling, batch, available)
    displacements = unreturned_of(problem, layers, np.array([span]), share)
    return [lr * z[0] for z in displacements]
