"""Translation without pairs against the truth. ``python -m evidence.unpaired --embeddings FILE``.

*Encoders*: two encoders of texts, the second turned at random, so that no coordinate says anything.
*Itself* is the first encoder twice, *second* the second. Either both sides hold the same texts, in
orders of their own (*shared*), or each has texts that the other has not. Noise, in units of the
standard deviation, is of either side's own. FILE is an .npz with rows of both as ``x`` and ``y``,
of the same texts in the same order (docs/tutorials/two-encoders.md makes such stores). *Minima* are
the first hidden layers, of width 4, of two minima of a deep linear network whose 8 inputs are
mixtures of exponential ones, 10,000 of each; *unrelated* are those of two networks that learnt
different tasks, and *gaussian* ones have Gaussian inputs, which has to be refused.

Truth is counted on pairs that neither side was given: partners found among as many rows as the
certificate has candidates, in both directions, those found among 4,096, and the share of the
variance predicted. Beside it stands the truth *of the map*: rows that come nearer to where the best
map puts them than to where it puts others. It is what rows without pairs can tell; how far partners
lie from there they cannot. Every run is written to ``evidence/results/unpaired/runs.json`` as it
ends; the same command goes on with those that are missing, ``--show`` prints the table, and
``--render`` writes it into docs/translation.md. Runs and seeds were fixed before (`RUNS`); the
curves of the certificate were set by other seeds (`PILOT`, which ``--pilot`` runs and only prints),
and so was how far laws may be apart (``--laws``), again after three of ten judged pairs of
unrelated clusters had been called found, whose runs were made anew with other seeds. Runs of the
same texts that were not found were made anew with the same seeds, when more climbs were tried.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import methexis as mx
from evidence.outcome import RESULTS, say
from methexis.core.checks import Array
from methexis.core.linalg import inverse_sqrt_psd, random_orthogonal, sqrt_psd
from methexis.files import put_file
from methexis.measures.inputs.preprocessing import Preprocessing
from methexis.transport.unpaired.learning import laws_apart
from methexis.transport.unpaired.sides import side_of
from methexis.version import __version__

PATH = Path(RESULTS) / "unpaired" / "runs.json"
PAGE = Path(__file__).resolve().parent.parent / "docs" / "translation.md"
#: Between which marks of the page the table stands.
_BEGIN, _END = "<!-- unpaired:begin -->\n", "<!-- unpaired:end -->"
#: Unseen pairs of encoders, and of minima.
UNSEEN, OF_MINIMA = 4096, 2000


class Asked(NamedTuple):
    """A run: what is translated, from how many rows of each side, with what noise, and its seed."""

    case: str
    n: int
    noise: float
    seed: int
    shared: bool = False


#: What is asked of the same texts: case, noise, and numbers of rows. Found and not found are a few
#: rows or a little noise apart, so that truths between 0 and 1 are where noise is heavy.
_SHARED: tuple[tuple[str, float, tuple[int, ...]], ...] = (
    ("itself", 0.0, (150, 400)),
    ("itself", 0.5, (700, 1500)),
    ("itself", 0.8, (1000, 1300)),
    ("itself", 0.9, (1200, 1500)),
    ("itself", 1.0, (1800, 2500)),
    ("itself", 1.1, (2500, 3000)),
    ("itself", 1.2, (3000, 3500)),
    ("itself", 1.3, (3500, 4500)),
    ("itself", 1.4, (4500, 5500)),
    ("itself", 1.6, (5500,)),
    ("second", 0.0, (150, 400)),
    ("second", 0.6, (700,)),
    ("second", 0.9, (1200, 1500)),
    ("second", 1.1, (2500,)),
    ("second", 1.3, (3500, 4500)),
    ("second", 1.5, (5500,)),
    ("encoders", 0.0, (500, 700, 900, 1100, 1500)),
    ("encoders", 0.2, (1500, 2500)),
    ("encoders", 0.4, (2000, 3000, 4000)),
    ("encoders", 0.6, (4000, 5500)),
    ("encoders", 0.8, (5500,)),
)


def _same(first: int) -> tuple[Asked, ...]:
    """Runs where both sides hold the same texts."""
    asked = sorted((n, case, noise) for case, noise, sizes in _SHARED for n in sizes)
    return tuple(Asked(case, n, noise, first + k, True) for k, (n, case, noise) in enumerate(asked))


#: What is asked of other texts: case, noise, and numbers of rows, by which their truth is spread.
_OTHERS: tuple[tuple[str, float, tuple[int, ...]], ...] = (
    ("itself", 0.0, (500, 600, 700, 800, 900, 1000, 1250, 1500, 2000, 3000)),
    ("second", 0.0, (500, 600, 700, 800, 1000, 1250, 2000)),
    ("encoders", 0.0, (750, 1000, 1100, 1200, 1300, 1500, 1750, 2000, 2500, 3000, 4000, 6000)),
    ("itself", 0.5, (700, 900, 1100, 1500)),
    ("itself", 0.8, (800, 1000, 1250, 1500, 2000)),
    ("encoders", 0.3, (1250, 1500, 2000, 3000)),
)


def _other(first: int) -> tuple[Asked, ...]:
    """Runs where each side has texts that the other has not."""
    asked = sorted((n, case, noise) for case, noise, sizes in _OTHERS for n in sizes)
    return tuple(Asked(case, n, noise, first + k) for k, (n, case, noise) in enumerate(asked))


#: In the order in which they are run. Of minima seeds 300 to 309 and 400 to 409 were seen before.
RUNS: tuple[Asked, ...] = (
    *(Asked("gaussian", 10_000, 0.0, seed) for seed in range(600, 610)),
    *(Asked("minima", 10_000, 0.0, seed) for seed in range(600, 610)),
    *_same(1800),
    *(Asked("encoders", 9900, 0.0, seed, True) for seed in range(1850, 1860)),
    *_other(1500),
    *(Asked("unrelated", 10_000, 0.0, seed) for seed in range(600, 604)),
    *(Asked("encoders", 9900, 0.0, seed) for seed in range(1560, 1564)),
    *(Asked("clusters", n, 0.0, seed + n) for n in (500, 2000, 5000) for seed in range(2400, 2410)),
    *(Asked("clusters", 500, 0.0, seed) for seed in range(2920, 2950)),
    *(Asked("clusters", n, 0.0, seed + n, True) for n in (200, 1000) for seed in range(1880, 1890)),
)
#: Runs by which curves, steps, and the bound on how far laws may be apart were set.
PILOT: tuple[Asked, ...] = (
    *_same(500),
    *_other(550),
    *(Asked("clusters", n, 0.0, 1600 + n + k) for n in (500, 2000, 5000) for k in range(3)),
    *(Asked("clusters", 500, 0.0, seed) for seed in range(2100, 2120)),
)


@dataclass(frozen=True)
class Outcome:
    """What one run came to; NaN where it was refused, in words."""

    case: str
    n: int
    noise: float
    seed: int
    shared: bool
    refused: str
    found: bool
    top1: float  # as the certificate has it
    truth: float  # among as many candidates
    of_map: float  # where the best rotation of unseen pairs would put partners
    among_4096: float
    share: float  # of the variance, from x to y
    nearness: float
    candidates: int
    seconds: float  # of the processor


class Drawn(NamedTuple):
    """Rows of both sides without pairs, and pairs that neither was given."""

    x: Array
    y: Array
    unseen_x: Array
    unseen_y: Array


def draw(asked: Asked, embeddings: Path | None) -> Drawn:
    """The rows of a run.

    Raises
    ------
    ValueError
        If it needs embeddings and there are none.
    """
    generator = np.random.default_rng([asked.seed, 20])
    if asked.case in ("minima", "gaussian", "unrelated"):
        return _minima(asked, generator)
    if asked.case == "clusters":
        sides = [_clustered(asked.n + OF_MINIMA, generator) for _ in range(2)]
        return Drawn(*(one[: asked.n] for one in sides), *(one[asked.n :] for one in sides))
    if embeddings is None:
        raise ValueError(f"{asked.case}: expected --embeddings FILE.npz with x and y")
    with np.load(embeddings) as content:
        x = np.asarray(content["x"], dtype=np.float64)
        y = np.asarray(content["y"], dtype=np.float64)
    x, y = {"itself": (x, x), "second": (y, y)}.get(asked.case, (x, y))
    sides = [
        one + asked.noise * one.std() * generator.normal(size=one.shape) if asked.noise else one
        for one in (x, y)
    ]
    sides[1] = sides[1] @ random_orthogonal(y.shape[1], generator)
    order = generator.permutation(len(x))
    unseen, first, second = np.split(order[: UNSEEN + 2 * asked.n], [UNSEEN, UNSEEN + asked.n])
    if asked.shared:
        second = generator.permutation(first)
    return Drawn(sides[0][first], sides[1][second], sides[0][unseen], sides[1][unseen])


def _clustered(count: int, generator: np.random.Generator) -> Array:
    """Rows in twelve clusters of unequal sizes, whose directions have unequal variances."""
    spread = np.arange(1, 41) ** -0.5
    which = generator.choice(12, size=count, p=generator.dirichlet(np.ones(12)))
    centres = generator.normal(size=(12, 40)) * spread
    return np.asarray(centres[which] + 0.5 * generator.normal(size=(count, 40)) * spread)


def _minima(asked: Asked, generator: np.random.Generator) -> Drawn:
    """Hidden layers of two minima, of inputs that neither shares with the other."""
    student = mx.EDLN(hidden=(4, 4))  # as wide as the teacher: all that is written is read
    reads = []
    for k in (1, 2):
        task = asked.seed + 5000 * (k - 1) * (asked.case == "unrelated")
        teacher = mx.Teacher.random(dim_x=8, dim_y=4, seed=task)
        weight = mx.theory.random_minimum(teacher, student, seed=asked.seed + 1000 * k, spread=0.5)[
            0
        ]
        reads.append(np.linalg.cholesky(teacher.cov_x).T @ weight.T)

    def inputs(count: int) -> Array:
        size = (count, len(reads[0]))
        return (
            generator.normal(size=size)
            if asked.case == "gaussian"
            else generator.exponential(size=size) - 1.0
        )

    x, y, unseen = (inputs(count) for count in (asked.n, asked.n, OF_MINIMA))
    return Drawn(x @ reads[0], y @ reads[1], unseen @ reads[0], unseen @ reads[1])


def run(asked: Asked, embeddings: Path | None) -> Outcome:
    """Translate, and count what that is worth."""
    drawn = draw(asked, embeddings)
    start = time.process_time()
    try:
        translation = mx.translate_unpaired(drawn.x, drawn.y, shared=asked.shared, seed=asked.seed)
    except mx.MethexisError as error:
        nan = float("nan")
        spent = round(time.process_time() - start, 1)
        return Outcome(*asked, str(error), False, nan, nan, nan, nan, nan, nan, 0, spent)
    spent = round(time.process_time() - start, 1)
    known = translation.certificate
    left = np.sum((translation.forward(drawn.unseen_x) - drawn.unseen_y) ** 2)
    share = 1.0 - left / np.sum((drawn.unseen_y - drawn.unseen_y.mean(axis=0)) ** 2)
    return Outcome(
        *asked,
        "",
        known.found,
        known.top1,
        top1(translation, drawn, known.candidates),
        of_map(translation, drawn, known.candidates),
        top1(translation, drawn, UNSEEN),
        float(share),
        known.nearness,
        known.candidates,
        spent,
    )


def top1(translation: mx.UnpairedTranslation, drawn: Drawn, candidates: int) -> float:
    """Share of unseen rows whose partner is found, in both directions.

    Among so many rows: unseen ones first, and then rows that were given.
    """
    sought = min(len(drawn.unseen_x), candidates)
    shares = []
    for match, one, other, given in (
        (translation.match, drawn.unseen_x, drawn.unseen_y, drawn.y),
        (translation.match_back, drawn.unseen_y, drawn.unseen_x, drawn.x),
    ):
        among = np.concatenate([other, given])[:candidates]
        shares.append(float(np.mean(match(one[:sought], among).rows == np.arange(sought))))
    return float(np.mean(shares))


def of_map(translation: mx.UnpairedTranslation, drawn: Drawn, candidates: int) -> float:
    """Share of unseen rows that come where the best map of their kind puts them.

    That map is the best rotation of the unseen pairs, of whitened ones where the map is a scaled
    one. Of its images, in both directions, the nearest of so many is sought, which are those of
    unseen rows: 4,096 at most.
    """
    shares = []
    for there, one, other in (
        (translation.forward, drawn.unseen_x, drawn.unseen_y),
        (translation.backward, drawn.unseen_y, drawn.unseen_x),
    ):
        centre = other.mean(axis=0)
        of_one, of_other = one - one.mean(axis=0), other - centre
        back = np.eye(other.shape[1])
        if translation.map == "scaled":
            back = sqrt_psd(np.cov(other.T))
            of_one = of_one @ inverse_sqrt_psd(np.cov(one.T))
            of_other = of_other @ inverse_sqrt_psd(np.cov(other.T))
        left, _, right = np.linalg.svd(of_one.T @ of_other, full_matrices=False)
        best = of_one @ (left @ right) @ back
        rows = slice(candidates)
        image = there(one[rows]) - centre
        cosines = _unit(image) @ _unit(best[rows]).T
        shares.append(float(np.mean(np.argmax(cosines, axis=1) == np.arange(len(image)))))
    return float(np.mean(shares))


def of_laws(asked: Asked, embeddings: Path | None) -> str:
    """How far laws are apart under the map of a run, in leading directions, beside its truth."""
    drawn = draw(asked, embeddings)
    translation = mx.translate_unpaired(drawn.x, drawn.y, map="rotation", seed=asked.seed)
    one, other = (side_of("rows", rows, Preprocessing()) for rows in (drawn.x, drawn.y))
    turn = np.asarray(translation.sides[0].across.T, dtype=np.float32)
    apart = laws_apart(one.directions(), other.directions(), turn)
    truth = of_map(translation, drawn, min(asked.n, UNSEEN))
    what = f"{asked.case:9} {asked.n:<6} noise {asked.noise:<4}"
    return f"{what} laws apart {apart:7.3f}  truth of the map {truth:.3f}"


def _unit(rows: Array) -> Array:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def stored(path: Path = PATH) -> list[dict[str, Any]]:
    """Runs that have ended; none where there is no file."""
    return list(json.loads(path.read_text(encoding="utf-8"))["runs"]) if path.exists() else []


def missing(ended: list[dict[str, Any]]) -> list[Asked]:
    """Runs that have not ended."""
    done = {tuple(one[name] for name in Asked._fields) for one in ended}
    return [asked for asked in RUNS if tuple(asked) not in done]


def shown(ended: list[dict[str, Any]]) -> str:
    """A line for each run, and how far the certificate is from the truth."""
    lines = ["case      rows         n       noise  seed  found  top-1  truth  of 4,096  share   s"]
    for one in ended:
        rows = "shared" if one["shared"] else "others"
        head = f"{one['case']:9} {rows:12} {one['n']:<7} {one['noise']:<6} {one['seed']:<5}"
        if one["refused"]:
            lines.append(f"{head} refused: {one['refused'].split(':')[0]}")
            continue
        lines.append(
            f"{head} {'yes' if one['found'] else 'no':6} {one['top1']:<6.3f} "
            f"{one['truth']:<6.3f} {one['among_4096']:<9.3f} {one['share']:<7.3f} {one['seconds']}"
        )
    apart = [one["top1"] - one["truth"] for one in ended if not one["refused"]]
    if apart:
        lines.append(
            f"{len(apart)} runs: mean |top-1 - truth| {np.mean(np.abs(apart)):.3f}, "
            f"most above the truth {max(apart):.3f}"
        )
    return "\n".join(lines)


def rendered(page: str, ended: list[dict[str, Any]]) -> str:
    """The page with the table of runs that have ended."""
    before, rest = page.split(_BEGIN)
    after = rest.split(_END)[1]
    return before + _BEGIN + table(ended) + "\n" + _END + after


def table(ended: list[dict[str, Any]]) -> str:
    """A row for runs of one case and size, and how far the certificate is from the truth."""
    lines = [
        "| case | rows | n | noise | runs | refused | found | partners of 4,096 | top-1 as told "
        "| truth | of the map | variance | s |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for one in ended:
        key = (one["case"], one["shared"], one["n"], one["noise"])
        groups.setdefault(key, []).append(one)
    for (case, shared, n, noise), runs in groups.items():
        kept = [one for one in runs if not one["refused"]]
        spans = [
            _span([one[name] for one in kept])
            for name in ("among_4096", "top1", "truth", "of_map", "share")
        ]
        rows = "the same" if shared else "others"
        lines.append(
            f"| {case} | {rows} | {n:,} | {noise:g} | {len(runs)} | {len(runs) - len(kept)} "
            f"| {sum(one['found'] for one in kept)} | {' | '.join(spans)} "
            f"| {max(one['seconds'] for one in runs):.0f} |"
        )
    return "\n".join([*lines, "", summary(ended)])


def summary(ended: list[dict[str, Any]]) -> str:
    """How far estimates are from the truth, by the rows that were given and by kinds of sides."""
    unrelated = [one for one in ended if one["case"] in ("unrelated", "clusters")]
    scaled = [one for one in ended if one["case"] in ("minima", "gaussian")]
    related = [one for one in ended if one not in unrelated and one not in scaled]
    same = [one for one in related if one["shared"]]
    others = [one for one in related if not one["shared"]]
    twice = [one for one in others if one["case"] != "encoders"]
    told = [
        _apart("the same rows", same),
        _apart("these, with truths from .05 to .95", [o for o in same if 0.05 < o["truth"] < 0.95]),
        _apart("other rows", others),
        _apart("these, one encoder twice, without noise", [o for o in twice if not o["noise"]]),
        _apart("these, one encoder twice, with noise", [one for one in twice if one["noise"]]),
        _apart("these, two encoders", [one for one in others if one["case"] == "encoders"]),
        _apart("other rows, against the truth of the map", others, "of_map"),
        _apart("scaled maps", scaled),
        _apart("laws that have nothing in common", unrelated),
    ]
    return "\n".join(line for line in told if line)


def _apart(what: str, group: list[dict[str, Any]], truth: str = "truth") -> str:
    """How far the estimates of some runs are from the truth; empty where there are none."""
    runs = [one for one in group if not one["refused"]]
    if not runs:
        return ""
    apart = np.array([one["top1"] - one[truth] for one in runs])
    wrong = sum(one["found"] and one[truth] < 0.2 for one in runs)
    return (
        f"Of {what}, {len(runs)} runs: mean |top-1 as told − truth| {np.abs(apart).mean():.3f}, "
        f"most above the truth {max(apart.max(), 0.0):.3f}, *found* with a truth below .2: {wrong}."
    )


def _span(values: list[float]) -> str:
    """The least and the most, or one of both where they are equal."""
    if not values:
        return ""
    least, most = f"{min(values):.3f}", f"{max(values):.3f}"
    return least if least == most else f"{least} to {most}"


def _write(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8")


def main() -> None:
    """Run what is missing, or show what there is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--embeddings", type=Path, help="an .npz with x and y")
    parser.add_argument("--show", action="store_true", help="print what is stored")
    parser.add_argument("--pilot", action="store_true", help="run the pilot, and store nothing")
    parser.add_argument("--laws", action="store_true", help="print how far laws are apart")
    parser.add_argument("--render", action="store_true", help="write docs/translation.md")
    options = parser.parse_args()
    if options.render:
        PAGE.write_text(rendered(PAGE.read_text(encoding="utf-8"), stored()), encoding="utf-8")
        return
    if options.pilot:
        for asked in PILOT:
            say(shown([asdict(run(asked, options.embeddings))]).splitlines()[1])
        return
    if options.laws:
        for asked in PILOT:
            if not asked.shared:
                say(of_laws(asked, options.embeddings))
        return
    ended = stored()
    for asked in [] if options.show else missing(ended):
        if asked.case in ("encoders", "itself", "second") and options.embeddings is None:
            continue
        outcome = run(asked, options.embeddings)
        ended.append(asdict(outcome))
        text = json.dumps({"version": __version__, "runs": ended}, indent=1)
        PATH.parent.mkdir(parents=True, exist_ok=True)
        put_file(PATH, partial(_write, text))
        say(shown(ended[-1:]).splitlines()[1])
    say(shown(ended))


if __name__ == "__main__":
    main()
