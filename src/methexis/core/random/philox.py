"""The cipher behind the random streams: Philox4x32-10.

Philox is a family of bijections of counters under a key, made of few rounds of multiplication and
exclusive or, that passes the strict tests of random numbers when its input merely counts [1]_.
Here it is in NumPy, working on many counters at a time; `methexis.core.random.streams` says what is
counted.

References
----------
.. [1] J. K. Salmon, M. A. Moraes, R. O. Dror and D. E. Shaw, "Parallel random numbers: as easy as
   1, 2, 3", SC 2011.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import MethexisError

__all__ = ["check_words", "philox4x32", "rounds"]

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_KEY_INCREMENTS = (np.uint64(0x9E3779B9), np.uint64(0xBB67AE85))
_NUM_ROUNDS = 10
_LOW_32 = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)


def philox4x32(counters: NDArray[np.uint32], cipher_keys: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Encrypt counters by Philox4x32-10.

    One round maps ``(x0, x1, x2, x3)`` under the key ``(k0, k1)`` to
    ``(hi(M1 x2) ^ x1 ^ k0, lo(M1 x2), hi(M0 x0) ^ x3 ^ k1, lo(M0 x0))``, hi and lo being the
    halves of the 64-bit product; between rounds the key grows by two constants modulo 2**32.

    Parameters
    ----------
    counters
        Shape (num_counters, 4).
    cipher_keys
        Shape (num_counters, 2), or (1, 2) for one key for all.

    Returns
    -------
    NDArray[np.uint32]
        Shape (num_counters, 4).

    Raises
    ------
    MethexisError
        If a shape or dtype is another.

    Examples
    --------
    The known answer for counter 0 and key 0:

    >>> zero = np.zeros((1, 4), dtype=np.uint32)
    >>> [hex(word) for word in philox4x32(zero, zero[:, :2])[0]]
    ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']
    """
    check_words("counters", counters, 4)
    check_words("cipher_keys", cipher_keys, 2)
    num_counters = len(counters)
    if len(cipher_keys) not in (1, num_counters):
        raise MethexisError(
            f"cipher_keys: expected 1 or {num_counters} rows (one per counter), "
            f"got {len(cipher_keys)}"
        )
    state = np.empty((8, num_counters), dtype=np.uint64)
    state[:4] = counters.T
    state[4:6] = cipher_keys.T
    x0, x1, x2, x3, k0, k1, *scratch = state
    return np.stack(rounds(x0, x1, x2, x3, k0, k1, *scratch), axis=1).astype(np.uint32)


def rounds(
    x0: NDArray[np.uint64],
    x1: NDArray[np.uint64],
    x2: NDArray[np.uint64],
    x3: NDArray[np.uint64],
    k0: NDArray[np.uint64],
    k1: NDArray[np.uint64],
    product0: NDArray[np.uint64],
    product1: NDArray[np.uint64],
) -> tuple[NDArray[np.uint64], ...]:
    """Run Philox on 32-bit words held in 64-bit arrays, in place; all eight are overwritten.

    Only x0 and x2 are multiplied, so only they are cut to 32 bits in every round. The new x1 and
    x3 are the low halves of the products: the products themselves take their place, dirt in the
    high half, which xor carries along and the cut removes. The same holds for carries of the key.
    """
    for _ in range(_NUM_ROUNDS):
        np.multiply(x0, _MULTIPLIERS[0], out=product0)
        np.multiply(x2, _MULTIPLIERS[1], out=product1)
        for x, product, previous, key, increment in (
            (x0, product1, x1, k0, _KEY_INCREMENTS[0]),
            (x2, product0, x3, k1, _KEY_INCREMENTS[1]),
        ):
            np.right_shift(product, _32, out=x)
            np.bitwise_xor(x, previous, out=x)
            np.bitwise_xor(x, key, out=x)
            np.bitwise_and(x, _LOW_32, out=x)
            np.add(key, increment, out=key)
        x1, product1 = product1, x1
        x3, product0 = product0, x3
    np.bitwise_and(x1, _LOW_32, out=x1)
    np.bitwise_and(x3, _LOW_32, out=x3)
    return x0, x1, x2, x3


def check_words(name: str, array: NDArray[np.uint32], num_columns: int) -> None:
    """Raise a `MethexisError` unless `array` is a uint32 table of `num_columns` columns."""
    if array.dtype != np.uint32 or array.ndim != 2 or array.shape[1] != num_columns:
        raise MethexisError(
            f"{name}: expected an array of dtype uint32 and shape (n, {num_columns}), "
            f"got dtype {array.dtype} and shape {array.shape}"
        )
