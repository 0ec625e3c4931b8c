"""Which measure sees what, how soon, and how biased: every measure against planted truth.

The pairs are those of `measures.planted`: one cause each, and an alignment known exactly. All have
a background of noise, for without it the scores of an aligned pair do not vary at all. For every
measure and cause the score is drawn at several strengths, over several problems and draws of
samples. Of these come

- *follows*: Spearman correlation of the mean score with the truth along the strengths, +1 where
  the measure orders them as the truth does;
- *seen at*: the loss of true alignment at which a single draw is told from a pair at strength 0:
  where the mean has moved by twice the standard deviation of one draw, interpolated. NaN if never:
  the measure is blind to that cause, by its invariances or for want of samples;
- *moved*, for the controls, where the truth stays 1: by how many deviations the score moves
  nevertheless;
- *bias*: mean score at few samples less mean score at many, for aligned pairs and for pairs with
  independent inputs, whose truth is 0. The score of the latter is the chance level that a score
  has to be read against.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import cache, partial
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.machine import machine
from methexis.core.checks import Array
from methexis.core.parallel.threads import available_cores
from methexis.errors import DegenerateWarning
from methexis.measures import MEASURES, Measure
from methexis.measures.inputs.features import features
from methexis.measures.planted import CAUSES, CONTROLS, PlantedPair, planted_pair
from methexis.version import __version__

STRENGTHS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0)
BACKGROUND = 0.2
NUM_SAMPLES = 256
SIZES = (24, 48, 96, 256, 512)
MANY = 2048


@dataclass(frozen=True)
class _Plan:
    """How much is measured."""

    strengths: tuple[float, ...]
    num_problems: int
    num_draws: int
    sizes: tuple[int, ...]
    many: int


FULL = _Plan(STRENGTHS, 3, 16, SIZES, MANY)
QUICK = _Plan(STRENGTHS[::3], 1, 4, SIZES[1:4:2], 1024)

#: Measured beside the registry with its defaults: options that change what a measure sees.
OPTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("cka", {"debiased": True}),
    ("cka", {"kernel": "rbf"}),
    ("cca", {"squared": True}),
    ("rsa", {"dissimilarity": "correlation", "comparison": "spearman"}),
)
#: Left out: seconds per score, hours here.
SLOW = ("soft_matching",)

#: A score has moved when it is this many standard deviations of one draw away.
SEEN = 2.0


@dataclass(frozen=True)
class CauseScore:
    """How one measure answers one cause.

    Attributes
    ----------
    cause : str
        Its name.
    truth, mean, sd : tuples
        Along the strengths: exact alignment, mean score, standard deviation of one draw.
    follows, seen_at, moved : float
        See the module; NaN where not defined.
    """

    cause: str
    truth: tuple[float, ...]
    mean: tuple[float, ...]
    sd: tuple[float, ...]
    follows: float
    seen_at: float
    moved: float


@dataclass(frozen=True)
class SizeScore:
    """Mean scores of one measure at one number of samples, and their bias.

    ``unrelated`` is the chance level. Biases are against `MANY` samples.
    """

    num_samples: int
    aligned: float
    unrelated: float
    bias_aligned: float
    bias_unrelated: float


@dataclass(frozen=True)
class MeasureScore:
    """One measure against all causes."""

    name: str
    title: str
    distance: bool
    causes: tuple[CauseScore, ...]
    sizes: tuple[SizeScore, ...]
    seconds: float


@dataclass(frozen=True)
class Truth:
    """The whole benchmark."""

    quick: bool
    num_samples: int
    num_problems: int
    num_draws: int
    strengths: tuple[float, ...]
    background: float
    many: int
    measures: tuple[MeasureScore, ...]
    machine: dict[str, Any]

    def summary(self) -> dict[str, Any]:
        """As plain data, for JSON; NaN becomes None."""
        return {"methexis": __version__, **_plain(asdict(self))}


def run_truth(
    measures: Sequence[Measure[Any]] | None = None,
    *,
    quick: bool = False,
    workers: int | None = 1,
    show: Callable[[str], None] = lambda _: None,
) -> Truth:
    """Score measures against planted truth.

    Parameters
    ----------
    measures : sequence of Measure, optional
        By default all of the registry but `SLOW` with their defaults, and `OPTIONS`.
    quick : bool
        One problem, few draws, strengths and sizes: seconds, a look.
    workers : int, optional
        Processes that share the measures; as many as there are cores with None.
    show : function
        Told which measure is done.
    """
    chosen = everything() if measures is None else list(measures)
    plan = QUICK if quick else FULL
    workers = available_cores() if workers is None else workers
    found = []
    with ExitStack() as stack:
        each: Iterable[MeasureScore] = map(partial(_measured, plan), chosen)
        if workers > 1:
            pool = stack.enter_context(ProcessPoolExecutor(workers))
            each = pool.map(partial(_measured, plan), chosen)
        for i, score in enumerate(each, start=1):
            show(f"{score.title}: {score.seconds:.0f} s ({i} of {len(chosen)})")
            found.append(score)
    return Truth(
        quick=quick,
        num_samples=NUM_SAMPLES,
        num_problems=plan.num_problems,
        num_draws=plan.num_draws,
        strengths=plan.strengths,
        background=BACKGROUND,
        many=plan.many,
        measures=tuple(found),
        machine=machine(),
    )


@cache
def _pairs(plan: _Plan) -> dict[str, list[list[PlantedPair]]]:
    """By cause: problems, of each the strengths."""
    return {
        cause: [
            [planted_pair(cause, s, seed=p, background=BACKGROUND) for s in plan.strengths]
            for p in range(plan.num_problems)
        ]
        for cause in CAUSES
    }


def _measured(plan: _Plan, measure: Measure[Any]) -> MeasureScore:
    pairs = _pairs(plan)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)  # few samples are part of the test
        causes = tuple(_cause(measure, c, pairs[c], plan.num_draws) for c in CAUSES)
        by_size = tuple(_sizes(measure, pairs, plan))
    seconds = time.perf_counter() - start
    return MeasureScore(measure.name, measure.title, measure.distance, causes, by_size, seconds)


def everything() -> list[Measure[Any]]:
    """What is measured by default, options beside the defaults of the same measure."""
    found: list[Measure[Any]] = []
    for name, entry in MEASURES.items():
        if name not in SLOW:
            found.append(entry())
            found += [entry(**options) for of, options in OPTIONS if of == name]
    return found


def _cause(
    measure: Measure[Any], cause: str, pairs: list[list[PlantedPair]], num_draws: int
) -> CauseScore:
    """Scores along the strengths; problems and draws are pooled, the truth is their mean."""
    scores = np.array(
        [
            [[_score(measure, pair, NUM_SAMPLES, draw) for draw in range(num_draws)] for pair in of]
            for of in pairs
        ]
    )  # problem, strength, draw
    truth = np.mean([[pair.alignment for pair in of] for of in pairs], axis=0)
    mean = scores.mean(axis=(0, 2))
    sd = np.sqrt(scores.var(axis=2, ddof=1).mean(axis=0))  # of one draw, not between problems
    sign = -1.0 if measure.distance else 1.0
    moved = sign * (mean - mean[0]) / _pooled(sd)
    control = cause in CONTROLS
    return CauseScore(
        cause=cause,
        truth=tuple(truth.tolist()),
        mean=tuple(mean.tolist()),
        sd=tuple(sd.tolist()),
        follows=float("nan") if control else _follows(truth, sign * mean),
        seen_at=float("nan") if control else _crossing(truth[0] - truth, -moved),
        moved=float(moved[-1]),
    )


def _sizes(
    measure: Measure[Any], pairs: dict[str, list[list[PlantedPair]]], plan: _Plan
) -> list[SizeScore]:
    aligned = [of[0] for of in pairs["nothing"]]
    unrelated = [of[-1] for of in pairs["inputs"]]

    def mean(of: list[PlantedPair], n: int, draws: int) -> float:
        return float(np.mean([_score(measure, p, n, d) for p in of for d in range(draws)]))

    far = (mean(aligned, plan.many, 1), mean(unrelated, plan.many, 1))
    found = []
    for n in plan.sizes:
        here = (mean(aligned, n, plan.num_draws), mean(unrelated, n, plan.num_draws))
        found.append(SizeScore(n, *here, here[0] - far[0], here[1] - far[1]))
    return found


def _score(measure: Measure[Any], pair: PlantedPair, n: int, draw: int) -> float:
    x, y = pair.samples(n, seed=1000 + draw)
    return measure.score(measure.reduce(features("X", x)), measure.reduce(features("Y", y)))


def _pooled(sd: Array) -> Array:
    """Deviation of one draw at strength 0 or at this strength, whichever is larger."""
    return np.asarray(np.maximum(np.maximum(sd, sd[0]), 1e-12))


def _follows(truth: Array, score: Array) -> float:
    if np.ptp(score) == 0.0:
        return float("nan")
    return float(stats.spearmanr(truth, score).statistic)


def _crossing(misalignment: Array, moved: Array) -> float:
    """Where ``moved`` first reaches `SEEN` for good, interpolated linearly."""
    below = np.flatnonzero(moved < SEEN)
    last = int(below[-1])  # the first entry is 0
    if last == len(moved) - 1:
        return float("nan")
    share = (SEEN - moved[last]) / (moved[last + 1] - moved[last])
    return float(misalignment[last] + share * (misalignment[last + 1] - misalignment[last]))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
