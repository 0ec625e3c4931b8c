"""Laws of the coordinates of inputs and noise: Gaussian, bounded, heavy-tailed.

A teacher's sample is ``x = Σx^{1/2} z`` and ``ε = Σε^{1/2} z'`` with independent coordinates of
mean 0 and variance 1. All that holds on the minima depends on the second moments alone, so the law
of the coordinates is a dial that theory says must not matter there. Off the minima the fourth
moment of ``z`` enters (docs/theory.md §4.2).

=========== ================================================================= ==================
law         density of a coordinate                                           excess kurtosis
=========== ================================================================= ==================
gaussian    normal                                                            0
uniform     constant on (-√3, √3)                                             -6/5
laplace     ``exp(-√2 |z|) / √2``                                             3
student_t   Student's with 5 degrees of freedom, divided by √(5/3)            6
=========== ================================================================= ==================

As functions of an address (`core.random.streams`), numbers that are not all Gaussian have the
*wide* addressing: number j of a step owns the words 2j and 2j + 1, so that the law of one
coordinate does not move the words of another. With the uniforms ``u`` and ``v`` of the two words,

=========== ====================================================================================
law         number
=========== ====================================================================================
gaussian    ``√(-2 ln u) cos 2πv``
uniform     ``√12 (u - 1/2)``
laplace     ``-sign(u - 1/2) ln(2 min(u, 1 - u)) / √2``
student_t   ``√(3 expm1(-(2/5) ln u)) cos 2πv``
=========== ====================================================================================

The last is Bailey's polar form of Student's law with ν degrees of freedom [1]_,
``√(ν (u^{-2/ν} - 1)) cos 2πv``, times ``√(3/5)`` for ν = 5.

References
----------
.. [1] R. W. Bailey, "Polar generation of random variates with the t-distribution", Mathematics of
   Computation 62, 1994.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import Array
from methexis.core.random.streams import uniforms

__all__ = ["EXCESS_KURTOSIS", "LAWS", "generator_numbers", "wide_numbers"]

#: Fourth moment of each law less that of the normal law, 3.
EXCESS_KURTOSIS = {"gaussian": 0.0, "uniform": -1.2, "laplace": 3.0, "student_t": 6.0}
LAWS = tuple(EXCESS_KURTOSIS)


def _gaussian(u: Array, v: Array) -> Array:
    return np.asarray(np.sqrt(-2.0 * np.log(u)) * np.cos(math.tau * v))


def _uniform(u: Array, v: Array) -> Array:
    del v
    return np.asarray(math.sqrt(12.0) * (u - 0.5))


def _laplace(u: Array, v: Array) -> Array:
    del v
    tail = np.log(2.0 * np.minimum(u, 1.0 - u))
    return np.asarray(-np.sign(u - 0.5) * tail * math.sqrt(0.5))


def _student_t(u: Array, v: Array) -> Array:
    return np.asarray(np.sqrt(3.0 * np.expm1(-0.4 * np.log(u))) * np.cos(math.tau * v))


_FROM_UNIFORMS: dict[str, Callable[[Array, Array], Array]] = {
    "gaussian": _gaussian,
    "uniform": _uniform,
    "laplace": _laplace,
    "student_t": _student_t,
}


def wide_numbers(
    keys: NDArray[np.uint32],
    first_step: int,
    num_steps: int,
    num_samples: int,
    laws: Sequence[tuple[str, int]],
) -> Array:
    """Draw independent numbers of mean 0 and variance 1 with the wide addressing.

    Parameters
    ----------
    keys, first_step, num_steps
        As in `streams.words`.
    num_samples
        Samples per step.
    laws
        Law and number of coordinates, one pair after another: what one sample consists of.

    Returns
    -------
    array (num_steps, num_keys, num_samples, num_coordinates)
        Coordinate i of sample b is number ``b * num_coordinates + i`` of its step.

    Raises
    ------
    MethexisError
        On the input that `streams.words` refuses.

    Examples
    --------
    >>> from methexis.core.random.streams import Stream
    >>> laws = [("uniform", 2), ("student_t", 1)]
    >>> wide_numbers(Stream(seed=0).key, 0, 1, num_samples=1, laws=laws).round(12)
    array([[[[ 0.11599639,  1.56228014, -0.08466471]]]])
    """
    width = sum(count for _, count in laws)
    drawn = uniforms(keys, first_step, num_steps, 2 * num_samples * width)
    pairs = drawn.reshape(num_steps, len(keys), num_samples, width, 2)
    result = np.empty(pairs.shape[:-1])
    start = 0
    for law, count in laws:
        own = pairs[..., start : start + count, :]
        result[..., start : start + count] = _FROM_UNIFORMS[law](own[..., 0], own[..., 1])
        start += count
    return result


def generator_numbers(generator: np.random.Generator, law: str, shape: tuple[int, ...]) -> Array:
    """Draw independent numbers of a law from a NumPy generator, for designs drawn once.

    Examples
    --------
    >>> numbers = generator_numbers(np.random.default_rng(0), "uniform", (1000,))
    >>> bool(np.abs(numbers).max() < 3**0.5)
    True
    """
    if law == "uniform":
        return generator.uniform(-math.sqrt(3.0), math.sqrt(3.0), shape)
    if law == "laplace":
        return generator.laplace(0.0, math.sqrt(0.5), shape)
    if law == "student_t":
        return generator.standard_t(5.0, shape) * math.sqrt(0.6)
    return generator.standard_normal(shape)
