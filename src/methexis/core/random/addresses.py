"""Addresses of random numbers: which streams there are, and each one's key (see `streams`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from methexis.core.checks import MethexisError, integer
from methexis.core.random.philox import philox4x32

__all__ = [
    "KEY_CONSTANT",
    "STREAMS_PER_STUDENT",
    "Stream",
    "StreamId",
    "keys",
    "student_stream",
]

KEY_CONSTANT = (0x4D657468, 0x65786973)
"""The key under which keys are made: the eight ASCII bytes of "Methexis"."""

STREAMS_PER_STUDENT = 256
"""Distance between the stream numbers of consecutive students."""

_MOST_32 = 2**32 - 1
_MOST_64 = 2**64 - 1
_LOW_32 = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)


class StreamId(IntEnum):
    """What a stream is used for; numbers below `STREAMS_PER_STUDENT`, never reused."""

    SAMPLES = 0  # inputs and noise of the teacher; shared by all students of a paired run
    INDICES = 1  # sampling with replacement from a data set
    PERMUTATIONS = 2  # sampling without replacement, one permutation per epoch
    INIT = 3  # initial weights; the step is the layer
    PRIVATE = 4  # noise that only one student sees
    PROBLEM = 5  # kept for random teachers, embeddings and views
    GAUGE = 6  # seeds of random minima; the key itself is the seed
    LABEL_NOISE = 7  # fresh noise on the labels; shared like SAMPLES
    REFERENCE_INPUTS = 8  # inputs that nonlinear students are measured on


def student_stream(base: int, student: int) -> int:
    """Return the stream of student k: ``base + 256 * student``.

    Student 0 has the stream `base` itself.

    Parameters
    ----------
    base
        What the stream is for: a `StreamId`, or any number below `STREAMS_PER_STUDENT`.
    student
        Position of the student in its run, below 2**24.

    Raises
    ------
    MethexisError
        If either number is out of range.

    Examples
    --------
    >>> student_stream(StreamId.INIT, 2)
    515
    """
    base = integer("base", base, least=0, most=STREAMS_PER_STUDENT - 1)
    most = 2**32 // STREAMS_PER_STUDENT - 1
    return base + STREAMS_PER_STUDENT * integer("student", student, least=0, most=most)


@dataclass(frozen=True)
class Stream:
    """The address of one endless table of random words: row = step, column = draw.

    Parameters
    ----------
    seed
        Any integer from 0 to 2**64 - 1.
    replica
        Any integer from 0 to 2**32 - 1.
    stream
        What the numbers are for (`StreamId`, `student_stream`), from 0 to 2**32 - 1.

    Raises
    ------
    MethexisError
        If a number is out of range.

    Examples
    --------
    >>> stream = Stream(seed=0, replica=3, stream=StreamId.SAMPLES)
    >>> [hex(word) for word in stream.key[0]]
    ['0x4e4cc0fa', '0xee6f3906']
    """

    seed: int
    replica: int = 0
    stream: int = StreamId.SAMPLES

    def __post_init__(self) -> None:
        """Check that every part of the address is in its range."""
        integer("seed", self.seed, least=0, most=_MOST_64)
        integer("replica", self.replica, least=0, most=_MOST_32)
        integer("stream", self.stream, least=0, most=_MOST_32)

    @property
    def key(self) -> NDArray[np.uint32]:
        """The key, shape (1, 2), as the functions of this module take it."""
        return keys(self.seed, [self.replica], self.stream)


def keys(
    seed: int | Sequence[int] | NDArray[np.uint64],
    replicas: Sequence[int] | NDArray[np.uint32],
    stream: int,
) -> NDArray[np.uint32]:
    """Return the keys of several replicas of one stream.

    Parameters
    ----------
    seed
        Any integer from 0 to 2**64 - 1: one for all replicas, or one for each.
    replicas
        Integers from 0 to 2**32 - 1.
    stream
        Integer from 0 to 2**32 - 1.

    Returns
    -------
    NDArray[np.uint32]
        Shape (num_replicas, 2). Row i depends on ``replicas[i]`` and its seed only, so a replica
        run alone draws the numbers it drew in a batch.

    Raises
    ------
    MethexisError
        If a number is out of range, or there are several seeds but not one per replica.

    Examples
    --------
    >>> together = keys(seed=1, replicas=range(4), stream=StreamId.SAMPLES)
    >>> alone = keys(seed=1, replicas=[2], stream=StreamId.SAMPLES)
    >>> bool((together[2] == alone[0]).all())
    True
    >>> two = keys(seed=[0, 1], replicas=[2, 2], stream=StreamId.SAMPLES)
    >>> bool((two[1] == alone[0]).all())
    True
    """
    if isinstance(seed, int | np.integer):
        seeds: NDArray[np.uint64] = np.array(
            [integer("seed", seed, least=0, most=_MOST_64)], dtype=np.uint64
        )
    else:
        seeds = np.array(
            [integer("seed", s, least=0, most=_MOST_64) for s in seed], dtype=np.uint64
        )
        if len(seeds) != len(replicas):
            raise MethexisError(
                f"seed: expected one seed or {len(replicas)} (one per replica), got {len(seeds)}"
            )
    counters = np.empty((len(replicas), 4), dtype=np.uint32)
    counters[:, 0] = seeds & _LOW_32
    counters[:, 1] = seeds >> _32
    counters[:, 2] = [integer("replica", r, least=0, most=_MOST_32) for r in replicas]
    counters[:, 3] = integer("stream", stream, least=0, most=_MOST_32)
    made = philox4x32(counters, np.array([KEY_CONSTANT], dtype=np.uint32))
    return np.ascontiguousarray(made[:, :2])
