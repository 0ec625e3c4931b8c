"""Random numbers as a pure function of their address.

A sequential generator hides a position: what it returns depends on all that was drawn before it.
Methexis needs the opposite. Block size, number of threads, which replicas share a batch and where
a killed run resumes must not change a bit, and a second engine in another language must draw the
same numbers. So there is no generator object here. A number *is* a function of its address,

    number = f(seed, replica, stream; step, draw),

and f is Philox4x32-10 (`core.random.philox`), a bijection of 128-bit counters under a 64-bit
key, used twice:

======= =================================================== ====================================
output  counter (four 32-bit words)                         key (two 32-bit words)
======= =================================================== ====================================
key     ``seed % 2**32, seed // 2**32, replica, stream``    `KEY_CONSTANT`, ASCII of "Methexis"
number  ``step % 2**32, step // 2**32, block, 0``           words 0 and 1 of the line above
======= =================================================== ====================================

Block b of a step holds its words 4b … 4b + 3, so word j of a step is the same however many are
asked for. Words become uniforms (exactly), normals (Box–Muller), indices (multiply and shift) and
permutations (sorting). All functions are pure. Those that draw take an array of keys, of shape
(num_keys, 2) and dtype uint32, as made by `keys` or `Stream.key` (`core.random.addresses`).

Two addresses (replica, stream) under one seed may share a key by accident; among n of them this
has probability about n²/2⁶⁵, which is 3·10⁻⁸ for a million.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import integer
from methexis.core.random.addresses import (
    KEY_CONSTANT,
    STREAMS_PER_STUDENT,
    Stream,
    StreamId,
    keys,
    student_stream,
)
from methexis.core.random.philox import check_words, rounds

__all__ = [
    "KEY_CONSTANT",
    "STREAMS_PER_STUDENT",
    "Stream",
    "StreamId",
    "indices",
    "keys",
    "normal_matrix",
    "normals",
    "permutations",
    "student_stream",
    "uniforms",
    "words",
]

_MOST_64 = 2**64 - 1
_LOW_32 = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)

# Counters worked on at once. Fourteen buffers of this many 64-bit numbers fit a 1 MiB cache; half
# as many cost a fifth more per number in calls, and four times as many leave the cache.
_CHUNK = 8192


def words(
    keys: NDArray[np.uint32], first_step: int, num_steps: int, num_words: int
) -> NDArray[np.uint32]:
    """Return the first words of consecutive steps: uniform 32-bit integers.

    Parameters
    ----------
    keys
        Shape (num_keys, 2).
    first_step, num_steps
        Rows of the table, ``first_step … first_step + num_steps - 1``, all below 2**64.
    num_words
        Words per step, at most 2**34.

    Returns
    -------
    NDArray[np.uint32]
        Shape (num_steps, num_keys, num_words). Entry (t, k, j) depends on ``keys[k]``,
        ``first_step + t`` and j only.

    Raises
    ------
    MethexisError
        If `keys` has another shape or dtype, or a count is out of range.

    Examples
    --------
    >>> key = Stream(seed=0).key
    >>> whole = words(key, first_step=0, num_steps=10, num_words=6)
    >>> part = words(key, first_step=7, num_steps=2, num_words=5)
    >>> bool((whole[7:9, :, :5] == part).all())
    True
    """
    num_blocks = _num_blocks(keys, first_step, num_steps, num_words)
    table = np.empty((num_steps, len(keys) * num_blocks, 4), dtype=np.uint32)
    for rows, columns, state in _chunks(keys, first_step, num_steps, num_blocks):
        target = table[rows, columns]
        for j, word in enumerate(state):
            target[:, :, j] = word.reshape(target.shape[:2])
    table = table.reshape(num_steps, len(keys), 4 * num_blocks)
    return np.ascontiguousarray(table[..., :num_words])


def uniforms(
    keys: NDArray[np.uint32], first_step: int, num_steps: int, num_uniforms: int
) -> NDArray[np.float64]:
    """Return uniform numbers in (0, 1), shape (num_steps, num_keys, num_uniforms).

    ``(word + 1/2) / 2**32``, one word each, exact in float64: equal to the bit on every machine.
    The mean is exactly 1/2, the variance ``(1 - 2**-64) / 12``; the smallest value is 2**-33, the
    largest 1 - 2**-33.

    Parameters
    ----------
    keys, first_step, num_steps
        As in `words`.
    num_uniforms
        Numbers per step, at most 2**34.

    Raises
    ------
    MethexisError
        On the input that `words` refuses.

    Examples
    --------
    >>> uniforms(Stream(seed=0).key, first_step=0, num_steps=1, num_uniforms=2)
    array([[[0.53348527, 0.87884321]]])
    """
    drawn = words(keys, first_step, num_steps, num_uniforms).astype(np.float64)
    drawn += 0.5
    drawn *= 2.0**-32
    return drawn


def normals(
    keys: NDArray[np.uint32], first_step: int, num_steps: int, num_normals: int
) -> NDArray[np.float64]:
    """Return standard normal numbers, shape (num_steps, num_keys, num_normals).

    The Box–Muller transform: with u_j as in `uniforms`, normals 2i and 2i + 1 are

        r cos θ and r sin θ,   r = √(-2 ln u_{2i}),   θ = 2π u_{2i+1},

    one word per normal. Since uniforms have 32 bits, a pair takes 2**64 values, and of the
    distribution over all of them one can say exactly:

    - |z| ≤ √(66 ln 2) = 6.7637 (a normal exceeds this with probability 1.3·10⁻¹¹);
    - all odd moments vanish, and so does the correlation of the pair;
    - variance 1 - 2**-33 ln 2 = 1 - 8.1·10⁻¹¹;
    - fourth moment 3 - 5.9·10⁻⁹.

    The variance is 1 - (ln 2) / (2N) for uniforms with N = 2**32 values, since by Stirling's
    formula ``Σ ln(w + 1/2)`` over w < N exceeds ``N ln N - N`` by (ln 2)/2 + O(1/N). Likewise the
    fourth moment is 3 - (3/2)(ln 2 ln N + ln 2 ln 2π + (ln 2)²/2) / N.

    Instruction sets and mathematical libraries round logarithm, sine and cosine each in its own
    way. Two that err by at most one ulp agree to within 10⁻¹⁴, since |z| < 7 and the formula adds
    up seven relative errors of at most 2.2·10⁻¹⁶ (of r and cos θ; the angle is the same to the
    bit). On one machine, with one version of NumPy, the bits depend on the address alone.

    Parameters
    ----------
    keys, first_step, num_steps
        As in `words`.
    num_normals
        Numbers per step, at most 2**34.

    Raises
    ------
    MethexisError
        On the input that `words` refuses.

    Examples
    --------
    >>> normals(Stream(seed=0).key, first_step=0, num_steps=1, num_normals=2).round(12)
    array([[[ 0.81157688, -0.77329852]]])
    """
    num_blocks = _num_blocks(keys, first_step, num_steps, num_normals)
    table = np.empty((num_steps, len(keys) * num_blocks, 4))
    size = min(_CHUNK, table.size // 4)
    buffers = np.empty((3, size))
    for rows, columns, state in _chunks(keys, first_step, num_steps, num_blocks):
        target = table[rows, columns]
        shape = target.shape[:2]
        radius, angle, ratio = buffers[:, : len(state[0])]
        for j in (0, 2):
            np.add(state[j], 0.5, out=radius)
            radius *= 2.0**-32
            np.log(radius, out=radius)
            radius *= -2.0
            np.sqrt(radius, out=radius)
            np.add(state[j + 1], 0.5, out=angle)
            # A power of two commutes with rounding: this is 2π u rounded once.
            angle *= 2.0**-32 * math.tau
            for i, function in enumerate((np.cos, np.sin)):
                function(angle, out=ratio)
                np.multiply(radius.reshape(shape), ratio.reshape(shape), out=target[:, :, j + i])
    table = table.reshape(num_steps, len(keys), 4 * num_blocks)
    return np.ascontiguousarray(table[..., :num_normals])


def indices(
    keys: NDArray[np.uint32], first_step: int, num_steps: int, num_indices: int, num_samples: int
) -> NDArray[np.int64]:
    """Return indices below `num_samples`, shape (num_steps, num_keys, num_indices).

    Drawn with replacement: ``(word * num_samples) // 2**32``, one word each. The probability of an
    index is a multiple of 2**-32 and differs from ``1 / num_samples`` by less than 2**-32 (not at
    all for powers of two): a relative bias below ``num_samples / 2**32``, or 2·10⁻⁴ for a million.

    Parameters
    ----------
    keys, first_step, num_steps
        As in `words`.
    num_indices
        Indices per step, at most 2**34: the batch size, say.
    num_samples
        Number of things to draw from, from 1 to 2**32.

    Raises
    ------
    MethexisError
        On the input that `words` refuses; also for `num_samples`.

    Examples
    --------
    >>> key = Stream(seed=0, stream=StreamId.INDICES).key
    >>> indices(key, first_step=0, num_steps=1, num_indices=5, num_samples=100)
    array([[[49, 11, 87, 27,  2]]])
    """
    integer("num_samples", num_samples, least=1, most=2**32)
    drawn = words(keys, first_step, num_steps, num_indices).astype(np.uint64)
    drawn *= np.uint64(num_samples)
    drawn >>= _32
    return drawn.view(np.int64)


def permutations(
    keys: NDArray[np.uint32], first_epoch: int, num_epochs: int, num_samples: int
) -> NDArray[np.int64]:
    """Return one random order of ``0 … num_samples - 1`` per epoch.

    The stable order of 64-bit sort keys, sample i having ``word[2i] * 2**32 + word[2i + 1]`` as
    its key; the epoch takes the place of the step. Equal sort keys keep the order of the samples:
    a bias of probability below ``num_samples² / 2**65``.

    Use a stream of its own (`StreamId.PERMUTATIONS`): epochs and steps of one stream share words.

    Parameters
    ----------
    keys, first_epoch, num_epochs
        As in `words`, with epochs for steps.
    num_samples
        Number of things to put in order, from 1 to 2**32.

    Returns
    -------
    NDArray[np.int64]
        Shape (num_epochs, num_keys, num_samples).

    Raises
    ------
    MethexisError
        On the input that `words` refuses; also for `num_samples`.

    Examples
    --------
    >>> key = Stream(seed=0, stream=StreamId.PERMUTATIONS).key
    >>> permutations(key, first_epoch=0, num_epochs=1, num_samples=6)
    array([[[1, 0, 2, 5, 3, 4]]])
    """
    integer("num_samples", num_samples, least=1, most=2**32)
    drawn = words(keys, first_epoch, num_epochs, 2 * num_samples).astype(np.uint64)
    sort_keys = drawn[..., 0::2] << _32
    sort_keys |= drawn[..., 1::2]
    return np.argsort(sort_keys, axis=-1, kind="stable").astype(np.int64, copy=False)


def normal_matrix(
    seed: int, stream: int, shape: tuple[int, ...], *, replica: int = 0, step: int = 0
) -> NDArray[np.float64]:
    """Return an array of standard normals, such as unscaled initial weights.

    The first ``prod(shape)`` normals of one step in row-major order.

    Parameters
    ----------
    seed, stream, replica
        As in `Stream`.
    shape
        Any shape.
    step
        Which step of the stream: the layer, for initial weights.

    Raises
    ------
    MethexisError
        If a number is out of range.

    Examples
    --------
    >>> normal_matrix(0, StreamId.INIT, (2, 2)).round(12)
    array([[-0.70177   ,  0.34029645],
           [ 0.31496648, -0.88823542]])
    """
    key = Stream(seed=seed, replica=replica, stream=stream).key
    return normals(key, step, 1, math.prod(shape)).reshape(shape)


def _chunks(
    keys: NDArray[np.uint32], first_step: int, num_steps: int, num_blocks: int
) -> Iterator[tuple[slice, slice, tuple[NDArray[np.uint64], ...]]]:
    """Yield the table's words, a rectangle of (step, key and block) at a time.

    A column is one (key, block) pair, blocks varying fastest. Keys and blocks of a range of
    columns are laid out once and used for all steps, so that the work per counter is the cipher's.
    The words are flat views of buffers that the next rectangle overwrites.
    """
    num_columns = len(keys) * num_blocks
    steps = np.arange(num_steps, dtype=np.uint64)
    steps += np.uint64(first_step)
    width = min(_CHUNK, num_columns)
    height = max(1, min(_CHUNK // max(1, width), num_steps))
    buffers = np.empty((8, height * width), dtype=np.uint64)
    layout = np.empty((3, height, width), dtype=np.uint64)
    for left in range(0, num_columns, max(1, width)):
        columns = slice(left, min(left + width, num_columns))
        key_of_column, block_of_column = np.divmod(
            np.arange(columns.start, columns.stop), num_blocks
        )
        template = layout[:, :, : len(key_of_column)]
        template[0] = keys[key_of_column, 0]
        template[1] = keys[key_of_column, 1]
        template[2] = block_of_column
        for top in range(0, num_steps, height):
            rows = slice(top, min(top + height, num_steps))
            shape = (rows.stop - rows.start, len(key_of_column))
            x0, x1, x2, x3, k0, k1, *scratch = buffers[:, : shape[0] * shape[1]]
            x0.reshape(shape)[:] = (steps[rows] & _LOW_32)[:, None]
            x1.reshape(shape)[:] = (steps[rows] >> _32)[:, None]
            x2.reshape(shape)[:] = template[2, : shape[0]]
            x3[:] = 0
            k0.reshape(shape)[:] = template[0, : shape[0]]
            k1.reshape(shape)[:] = template[1, : shape[0]]
            yield rows, columns, rounds(x0, x1, x2, x3, k0, k1, *scratch)


def _num_blocks(keys: NDArray[np.uint32], first_step: int, num_steps: int, num_draws: int) -> int:
    """Check the arguments that all draws share; return the blocks of four words per step."""
    check_words("keys", keys, 2)
    first_step = integer("first_step", first_step, least=0, most=_MOST_64)
    integer("num_steps", num_steps, least=0, most=2**64 - first_step)
    return -(-integer("number of draws per step", num_draws, least=0, most=2**34) // 4)
