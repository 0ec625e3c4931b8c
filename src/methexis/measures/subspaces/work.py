"""How much measures of bases have to do: decompositions, and products of columns.

Constants are nanoseconds of one core, measured; see `methexis.measures.work`.
"""

from __future__ import annotations

from methexis.measures.work import Time, Work, drawn_bytes, held_bytes, passes, products

#: Multiply-adds of a singular value decomposition of many samples, per sample and pair of features;
#: of singular values of a small matrix, per triple; and how much longer each takes than in a
#: product.
_DECOMPOSED, _VALUES = 0.6, 0.2
#: Of a small matrix, per entry: steps that are not products.
_STEP = 60.0
#: Per feature of each sample that is put in order or weighed.
_TAKEN = 8.0


def basis_work(
    num_samples: int,
    num_features: tuple[int, int],
    *,
    nuclear: bool = True,
    sides: float = 1.0,
    resampled: bool = False,
    bases: float = 1.0,
) -> Work:
    """Of centred features and their bases.

    Parameters
    ----------
    num_samples : int
    num_features : (int, int)
    nuclear : bool
        Whether singular values of the overlap enter a score.
    sides : float
        Products of all samples that a score takes.
    resampled : bool
        Whether bootstrap samples give an interval.
    bases : float
        Decompositions of each side that such a sample takes.
    """
    n, (a, b) = num_samples, num_features
    ranks = min(a, n), min(b, n)
    decomposed = sum(n * d * min(n, d) for d in num_features)
    small = float(ranks[0]) * ranks[1] * min(ranks)
    values = products(small, _VALUES) + passes(ranks[0] * ranks[1], _STEP) if nuclear else Time()
    score = products(sides * n * ranks[0] * ranks[1]) + values
    drawn = Time()
    if resampled:
        own = Time()
        for rank in ranks:
            own = own + products(float(rank) ** 3, _VALUES) + passes(rank * rank, _STEP)
        drawn = products(n * (ranks[0] ** 2 + ranks[1] ** 2 + ranks[0] * ranks[1]))
        drawn = drawn + bases * own + values
        drawn = drawn + passes(n * sum(ranks), _TAKEN)
    return Work(
        reduce=products(decomposed, _DECOMPOSED) + passes(n * (a + b), _TAKEN),
        score=score,
        order=score + passes(n * ranks[1], _TAKEN),
        resample=drawn,
        num_bytes=held_bytes(n, num_features),
        drawn_bytes=drawn_bytes(n),
    )
