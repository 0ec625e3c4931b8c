"""Scores of representations that stay on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from methexis.core.checks import sequence
from methexis.display import Displayed
from methexis.errors import MethexisError
from methexis.measures.budget import memory_bytes
from methexis.measures.inference.printing import rounded
from methexis.measures.measure import Measure
from methexis.measures.registry import chosen
from methexis.measures.streaming.chance import Chance
from methexis.measures.streaming.pass_moments import PassMoments, one_pass


@dataclass(frozen=True, eq=False)
class Streamed(Displayed):
    """Scores from one pass.

    Attributes
    ----------
    scores : dict of float
        Scores by the title of the measure, in the order in which they were asked for.
    n : int
        Number of samples.
    d : (int, int)
        Numbers of features.
    moments : PassMoments
        What was gathered; further measures have their score by `Measure.from_pass` of it.
    chances : dict of Chance or None
        Chance levels by the same titles: mean and deviation over orders of the rows, exact for
        kernel measures; None for the others.
    """

    scores: dict[str, float]
    n: int
    d: tuple[int, int]
    moments: PassMoments
    chances: dict[str, Chance | None]

    def __str__(self) -> str:
        """A line for each score, with its chance level where that is known."""
        about = f" (n {self.n}, d {self.d[0]} and {self.d[1]})"
        lines = []
        for title, score in self.scores.items():
            level = self.chances[title]
            by = "" if level is None else f", by chance {rounded(level.mean)} ± {rounded(level.sd)}"
            lines.append(f"{title} {rounded(score)}{by}{about}")
        return "\n".join(lines)

    def _facts(self) -> dict[str, object]:
        return {**self.scores, "n": self.n, "d": self.d}


def stream(
    x: Any,
    y: Any,
    measures: str | Measure[Any] | Sequence[str | Measure[Any]] = "cka",
    *,
    memory: int | str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Streamed:
    """Score two representations that do not fit into memory, in one pass over both.

    For linear CKA and RV, biased and debiased, linear HSIC, Procrustes, CCA and what else is a
    function of second moments.

    Pitfalls. Second moments square the condition number: canonical correlations keep about
    ``16 - 2 log10 κ`` digits, and directions below a millionth of the largest are left out
    (`second_moments`). CKA and Procrustes keep all digits. Measures of kernels have their chance
    level, without the shape of the null (`chance`); the others have none, and none an interval:
    `compare` a sample of the rows for these.

    Cost: ``n (d_x² + d_y² + d_x d_y)`` multiply-adds in double precision; every row is read once.

    Parameters
    ----------
    x, y : path of a .npy file, or array-like (num_samples, num_features)
        Paired rows: zarr arrays, memory-mapped files, anything with shape, dtype and slices. A path
        is best for .npy, because pages of a mapped file count as memory.
    measures : str or Measure, or several
        What to score.
    memory : int or str, optional
        Most bytes to take, such as ``"1 GiB"``; 4 GiB by default, of which blocks of 8192 rows and
        the moments rarely need much.
    progress : function of (rows done, all rows), optional
        Called as the pass goes on.

    Raises
    ------
    MethexisError
        On input that cannot be compared, a measure that needs more than one pass, or too little
        memory.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(1000, 3))
    >>> streamed = stream(x, 2.0 * x, ["cka", "procrustes"])
    >>> [round(score, 6) for score in streamed.scores.values()]
    [1.0, 1.0]
    """
    one = isinstance(measures, str | Measure)
    wanted: list[Any] = [measures] if one else sequence("measures", measures, "measures")
    methods = [chosen(measure, {}) for measure in wanted]
    for method in methods:
        if not method.streams:
            raise MethexisError(
                f"measures: expected what one pass can give (linear cka, hsic and rv; procrustes, "
                f"cca and others of second moments), got {method.title}"
            )
    moments = one_pass(x, y, budget=memory_bytes("memory", memory), progress=progress)
    second = moments.second
    return Streamed(
        {method.title: method.from_pass(moments) for method in methods},
        second.num_samples,
        (len(second.mean_x), len(second.mean_y)),
        moments,
        {method.title: method.chance_from_pass(moments) for method in methods},
    )
