"""Is *closer* right as often as it says? ``python -m evidence.closer``.

A, B and C see the same signals, with noise of their own. Of *nulls* the expected scores of A with B
and of A with C are equal exactly, for B and C may change places (or, in "halves", may change them
together with the features of A). Counted is in how many p <= .05. Of *planted* differences C has
more noise: counted is how often the difference is found, how often that of two separate intervals
would be (they do not overlap), and how often the 95 % interval holds the expected difference, which
is the mean over all of them. Of *layers* eight, of which one is nearest and those beside it are
nearly so: how often the set holds the nearest, and how large it is; and of eight that are all as
near, how often it holds a given one.

A file per measure, ``evidence/results/closer/NAME.json``, is written after every cell; the same
command goes on with those that are missing. ``--render`` turns the files into docs/closer.md.
Laws, sizes and seeds were fixed before the runs; a pilot with other seeds (`PILOT`) chose none of
them.
"""

from __future__ import annotations

import argparse
import json
import textwrap
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.machine import machine
from evidence.outcome import RESULTS, say
from methexis.core.checks import Array
from methexis.errors import DegenerateWarning
from methexis.measures.inference.multiple import holm
from methexis.measures.inference.paired.joint import Joint, joint
from methexis.measures.inference.paired.ranking import Ranking, ranked
from methexis.measures.inputs.features import features
from methexis.measures.measure import Measure
from methexis.measures.registry import chosen
from methexis.version import __version__

ROOT = Path(__file__).resolve().parent.parent
FOLDER = RESULTS / "closer"
PAGE = ROOT / "docs" / "closer.md"

LEVEL = 0.05
CONFIDENCE = 0.95
SIZES = (200, 1000)
NUM_NULLS = 4000
#: Of planted differences, and of sets of layers, by the number of samples.
NUM_PLANTED, NUM_LAYERS = {200: 2000, 1000: 1000}, {200: 2000, 1000: 500}
#: How much of the difference in noise there is: of more samples smaller ones are found.
SHARE = {200: 1.0, 1000: 0.45}
SEED, PILOT = 20261130, 20261129
#: What a level may be, and a coverage; and at which level cells are judged together, by Holm.
LEVELS, COVERAGES, JUDGED = (0.04, 0.06), (0.93, 0.97), 0.01

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "procrustes": ("procrustes", {}),
    "mutual_knn": ("mutual_knn", {"k": 10}),
    "cka-debiased": ("cka", {"debiased": True}),
    "rsa": ("rsa", {}),
}
TITLES = {
    "cka-debiased": "debiased linear CKA",
    "mutual_knn": "mutual kNN (k = 10)",
    "procrustes": "Procrustes score",
    "rsa": "RSA (euclidean, pearson)",
}


@dataclass(frozen=True)
class Law:
    """Signals of falling size in so many dimensions, and noise of the same shape."""

    dim: int
    noise_a: float
    noise_b: float
    planted: float  # the noise of C, where it is farther
    words: str
    #: Share of the noise of B that C has too; degrees of freedom of Student's law, 0 for a normal.
    shared: float = 0.0
    tails: int = 0
    halves: bool = False  # whether B sees one half of the features of A, and C the other

    def draw(self, generator: np.random.Generator, n: int, noise_c: float) -> list[Array]:
        """A, B and C."""

        def noise() -> Array:
            shape = (n, self.dim)
            if self.tails:
                return generator.standard_t(self.tails, size=shape)
            return generator.standard_normal(shape)

        places = np.arange(1.0, self.dim + 1)
        if self.halves:  # the same sizes in either half
            places = np.ceil(places / 2.0)
        sizes = places**-0.5
        signal, common = noise(), noise()
        found: list[Array] = [(signal + self.noise_a * noise()) * sizes]
        for place, level in enumerate((self.noise_b, noise_c)):
            own = np.sqrt(1.0 - self.shared) * noise() + np.sqrt(self.shared) * common
            seen = (signal + level * own) * sizes
            found.append(seen[:, place::2] if self.halves else seen)
        return found


LAWS: dict[str, Law] = {
    "weak": Law(10, 1.5, 1.5, 2.5, "10 signals under noise 1.5 times as large"),
    "middle": Law(10, 0.5, 0.5, 0.65, "10 signals, noise half as large"),
    "strong": Law(10, 0.1, 0.1, 0.13, "10 signals, a tenth of noise"),
    "wide": Law(50, 0.5, 0.5, 0.6, "50 signals, noise half as large"),
    "heavy": Law(10, 0.5, 0.5, 0.7, "10 signals and noise of Student's law, 5 degrees", tails=5),
    "shared": Law(10, 0.5, 0.5, 0.6, "as middle; two thirds of B's noise are C's", shared=2 / 3),
    "halves": Law(10, 0.5, 0.5, 0.75, "B sees one half of the signals, C the other", halves=True),
}
#: Laws at 1000 samples: 50 signals would take hours.
AT_MANY = ("weak", "middle", "strong", "heavy", "shared", "halves")
#: Noise of eight layers, the fifth the nearest, and how much of it one shares with the next.
NOISES, STEP = (1.6, 1.3, 1.05, 0.85, 0.75, 0.8, 0.95, 1.2), 0.7
LAYERS_DIM = 10


@dataclass(frozen=True)
class Cell:
    """One law at one number of samples.

    Of nulls, how many were rejected. Of planted differences: the mean, how many were found by the
    pair and by two separate intervals, and how many intervals held the mean.
    """

    law: str
    n: int
    nulls: int
    rejected: int
    planted: int
    score: float  # mean of A and B
    difference: float
    found: int
    found_separately: int
    covered: int
    seconds: float


@dataclass(frozen=True)
class Layers:
    """How often the set held the nearest of the layers, and how many it held on average."""

    n: int
    draws: int
    held: int
    size: float
    leading: int  # how often the largest score was that of the nearest
    seconds: float
    tied: int = -1  # of layers that are all as near, how often the set held the fifth; -1 unknown


def reduced(measure: Measure[Any], arrays: Sequence[Array]) -> list[Any]:
    """Each representation, ready to be compared."""
    return [measure.reduce(features("X", one)) for one in arrays]


def compared(measure: Measure[Any], arrays: Sequence[Array], n: int) -> Joint:
    """Scores of the first with all others."""
    first, *others = reduced(measure, arrays)
    return joint(measure, [(first, one) for one in others], num_samples=n)


def cell(name: str, law: str, n: int, *, nulls: int, planted: int, seed: int = SEED) -> Cell:
    """Measure one cell."""
    start = time.perf_counter()
    measure, drawn_by = chosen(*CASES[name]), LAWS[law]
    key = [seed, list(CASES).index(name), list(LAWS).index(law), n]
    rejected = 0
    for i in range(nulls):
        arrays = drawn_by.draw(np.random.default_rng([*key, 0, i]), n, drawn_by.noise_b)
        found = compared(measure, arrays, n)
        apart = found.scores[0] - found.scores[1]
        rejected += bool(found.two_sided(apart / found.errors()[0, 1]) <= LEVEL)
    noise_c = drawn_by.noise_b + SHARE[n] * (drawn_by.planted - drawn_by.noise_b)
    rows = np.empty((planted, 5))
    for i in range(planted):
        arrays = drawn_by.draw(np.random.default_rng([*key, 1, i]), n, noise_c)
        found = compared(measure, arrays, n)
        own = np.sqrt(found.variance(np.eye(2)))
        reach = found.quantile(CONFIDENCE)
        rows[i] = (*found.scores, found.errors()[0, 1], reach, reach * own.sum())
    apart, error = rows[:, 0] - rows[:, 1], rows[:, 2]
    reaches = rows[:, 3] * error
    return Cell(
        law=law,
        n=n,
        nulls=nulls,
        rejected=rejected,
        planted=planted,
        score=float(rows[:, 0].mean()),
        difference=float(apart.mean()),
        found=int(np.count_nonzero(np.abs(apart) > reaches)),
        found_separately=int(np.count_nonzero(np.abs(apart) > rows[:, 4])),
        covered=int(np.count_nonzero(np.abs(apart - apart.mean()) <= reaches)),
        seconds=round(time.perf_counter() - start, 1),
    )


def layered(
    generator: np.random.Generator, n: int, noises: Sequence[float] = NOISES
) -> list[Array]:
    """A representation, and eight layers whose noise goes over from one to the next."""
    shape = (n, LAYERS_DIM)
    sizes = np.arange(1, LAYERS_DIM + 1) ** -0.5
    signal, noise = generator.standard_normal(shape), generator.standard_normal(shape)
    found = [(signal + 0.3 * generator.standard_normal(shape)) * sizes]
    for level in noises:
        noise = np.sqrt(STEP) * noise + np.sqrt(1.0 - STEP) * generator.standard_normal(shape)
        found.append((signal + level * noise) * sizes)
    return found


def layers(name: str, n: int, *, draws: int, seed: int = SEED) -> Layers:
    """How often the set holds the nearest layer."""
    start = time.perf_counter()
    nearest = int(np.argmin(NOISES))
    held = leading = size = 0
    for order in _sets_of(name, n, NOISES, draws, [seed, list(CASES).index(name), n, 2]):
        held += bool(order.in_set[nearest])
        leading += order.best == nearest
        size += int(order.in_set.sum())
    tied = tied_layers(name, n, draws=draws, seed=seed)
    seconds = round(time.perf_counter() - start, 1)
    return Layers(n, draws, held, size / draws, leading, seconds, tied)


def tied_layers(name: str, n: int, *, draws: int, seed: int = SEED) -> int:
    """How often the set holds the fifth of layers that are all as near."""
    key = [seed, list(CASES).index(name), n, 3]
    place = int(np.argmin(NOISES))
    noises = [NOISES[place]] * len(NOISES)
    return sum(bool(one.in_set[place]) for one in _sets_of(name, n, noises, draws, key))


def _sets_of(
    name: str, n: int, noises: Sequence[float], draws: int, key: list[int]
) -> Iterator[Ranking]:
    measure = chosen(*CASES[name])
    labels = [("", str(k)) for k in range(len(noises))]
    for i in range(draws):
        arrays = layered(np.random.default_rng([*key, i]), n, noises)
        found = compared(measure, arrays, n)
        yield ranked(measure, found, np.full(len(noises), np.nan), labels, n=n, seed=i)


def outside(count: int, trials: int, bounds: tuple[float, float]) -> float:
    """Probability of so extreme a count, were the rate within the bounds; by the nearer of them."""
    low, high = bounds
    rate = count / trials
    if low <= rate <= high:
        return 1.0
    if rate > high:
        return float(stats.binom.sf(count - 1, trials, high))
    return float(stats.binom.cdf(count, trials, low))


def stored(name: str, folder: Path = FOLDER) -> dict[str, Any]:
    """The file of a measure; nothing in it where there is none."""
    path = folder / f"{name}.json"
    if not path.exists():
        return {"cells": [], "layers": []}
    return dict(json.loads(path.read_text(encoding="utf-8")))


def run(names: Sequence[str], folder: Path = FOLDER, progress: Callable[[str], None] = say) -> None:
    """Measure what is missing, few samples first, and write a measure's file after every cell."""
    for n in SIZES:
        for name in names:
            content = stored(name, folder)
            there = {(one["law"], one["n"]) for one in content["cells"]}
            for law in LAWS if n == SIZES[0] else AT_MANY:
                if (law, n) not in there:
                    one = cell(name, law, n, nulls=NUM_NULLS, planted=NUM_PLANTED[n])
                    content["cells"].append(asdict(one))
                    _write(name, content, folder)
                    progress(f"{name} {law} {n}: {one.rejected / one.nulls:.4f}, {one.seconds} s")
            if n not in {one["n"] for one in content["layers"]}:
                content["layers"].append(asdict(layers(name, n, draws=NUM_LAYERS[n])))
                _write(name, content, folder)
    for name in names:
        content = stored(name, folder)
        for one in content["layers"]:  # of files from before there were ties
            if one.get("tied", -1) < 0:
                one["tied"] = tied_layers(name, one["n"], draws=one["draws"])
                _write(name, content, folder)


def _write(name: str, content: dict[str, Any], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    about = {
        "measure": CASES[name][0],
        "options": CASES[name][1],
        "command": f"python -m evidence.closer --only {name}",
        "seed": SEED,
        "methexis": __version__,
        "machine": machine(),
    }
    text = json.dumps(about | {k: content[k] for k in ("cells", "layers")}, indent=1)
    (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")


INTRODUCTION = """# Closer

How often `mx.closer` finds a difference where there is none, and where there is one, by simulation.
Written by `python -m evidence.closer --render` from the files in `evidence/results/closer`, which
`python -m evidence.closer` writes, a cell after the other. Laws and seeds stand in
`evidence/closer.py`.

How it works stands in `methexis.measures.inference.paired.joint`: both scores are followed
through the same resampling of the samples, from what every sample moves (`Measure.influence`), with
interactions of two samples counted once (`Measure.interactions`). The difference over its standard
error is taken to follow Student's law; p and interval are two sides of that.

"""


def _paragraph(text: str) -> str:
    return textwrap.fill(text, 100, break_long_words=False, break_on_hyphens=False) + "\n"


def page(folder: Path = FOLDER) -> str:
    """The page, from the files."""
    files = {name: stored(name, folder) for name in CASES}
    cells = [(name, Cell(**one)) for name in CASES for one in files[name]["cells"]]
    lines = [INTRODUCTION, _nulls(cells), _planted(cells), _laws(), _sets(files)]
    return "".join(lines)


def _nulls(cells: list[tuple[str, Cell]]) -> str:
    p = holm(np.array([outside(c.rejected, c.nulls, LEVELS) for _, c in cells]))
    bad = int(np.count_nonzero(p < JUDGED))
    lines = [
        "## Where there is no difference\n",
        _paragraph(
            f"The share of p ≤ {LEVEL:g}. Asked is whether it lies between {LEVELS[0]:.0%} and "
            f"{LEVELS[1]:.0%}: a cell is outside if a binomial test says so, at {JUDGED:.0%} over "
            f"all cells together (Holm). **{bad} of {len(cells)} cells are.** The standard error "
            f"of a share of {NUM_NULLS:,} nulls is {np.sqrt(0.05 * 0.95 / NUM_NULLS):.2%}."
        ),
        "| measure | n | " + " | ".join(LAWS) + " |",
        "|---|--:|" + "--:|" * len(LAWS),
    ]
    found = {(name, c.n, c.law): (c, q) for (name, c), q in zip(cells, p, strict=True)}
    for name in CASES:
        for n in SIZES:
            row = [_share(found.get((name, n, law))) for law in LAWS]
            if any(one != "–" for one in row):
                lines.append(f"| {TITLES[name]} | {n:,} | " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n\n"


def _share(found: tuple[Cell, float] | None) -> str:
    if found is None:
        return "–"
    one, p = found
    text = f"{one.rejected / one.nulls:.1%}"
    return f"**{text}**" if p < JUDGED else text


def _planted(cells: list[tuple[str, Cell]]) -> str:
    p = holm(np.array([outside(c.covered, c.planted, COVERAGES) for _, c in cells]))
    bad = int(np.count_nonzero(p < JUDGED))
    lines = [
        "## Where there is one\n",
        _paragraph(
            f"C has more noise than B. *Found* is how often p ≤ {LEVEL:g}; *separately* how often "
            "two separate 95 % intervals of the two scores do not overlap, which is what is done "
            "without a paired test. *Covers* is how often the interval of the difference holds its "
            f"expectation; asked is {COVERAGES[0]:.0%} to {COVERAGES[1]:.0%}, judged as above: "
            f"**{bad} of {len(cells)} cells are outside.**"
        ),
        "| measure | n | law | score | difference | found | separately | covers |",
        "|---|--:|---|--:|--:|--:|--:|--:|",
    ]
    for (name, c), q in zip(cells, p, strict=True):
        covers = f"{c.covered / c.planted:.1%}"
        lines.append(
            f"| {TITLES[name]} | {c.n:,} | {c.law} | {c.score:.3f} | {c.difference:.4f} | "
            f"{c.found / c.planted:.0%} | {c.found_separately / c.planted:.0%} | "
            + (f"**{covers}** |" if q < JUDGED else f"{covers} |")
        )
    return "\n".join(lines) + "\n\n"


def _laws() -> str:
    lines = ["The laws:\n"]
    lines += [
        f"- *{name}*: {law.words}; planted, the noise of C is {law.planted:g}"
        for name, law in LAWS.items()
    ]
    return "\n".join(lines) + "\n\n"


def _sets(files: dict[str, dict[str, Any]]) -> str:
    lines = [
        "## Which layer\n",
        _paragraph(
            f"Eight layers with noise {', '.join(f'{one:g}' for one in NOISES)} times the "
            f"signals, of which each has {STEP:.0%} in common with the one before; the fifth is "
            "nearest. *Holds* is how often the 95 % set of `mx.nearest` has it, *size* how many "
            "layers the set has on average, *largest* how often the largest score is that of the "
            "nearest layer: what is reported without a set. *Tied*: of eight layers with the same "
            "noise, how often the set has a given one, the hardest case: 95 % are promised."
        ),
        "| measure | n | draws | holds | size | largest | tied |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for name, content in files.items():
        for entry in content["layers"]:
            one = Layers(**entry)
            lines.append(
                f"| {TITLES[name]} | {one.n:,} | {one.draws:,} | {one.held / one.draws:.1%} | "
                f"{one.size:.2f} | {one.leading / one.draws:.0%} | "
                + (f"{one.tied / one.draws:.1%} |" if one.tied >= 0 else "– |")
            )
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is missing, or render the page."""
    parser = argparse.ArgumentParser(prog="python -m evidence.closer")
    parser.add_argument("--only", choices=list(CASES), help="one measure")
    parser.add_argument("--render", action="store_true", help="write docs/closer.md, run nothing")
    parser.add_argument("--pilot", type=int, help="so many draws of each cell, other seeds; print")
    given = parser.parse_args(arguments)
    names = [given.only] if given.only else list(CASES)
    warnings.simplefilter("ignore", DegenerateWarning)
    if given.pilot:
        for name in names:
            for n in SIZES:
                for law in LAWS if n == SIZES[0] else AT_MANY:
                    say(str(cell(name, law, n, nulls=given.pilot, planted=given.pilot, seed=PILOT)))
                say(str(layers(name, n, draws=given.pilot, seed=PILOT)))
        return 0
    if not given.render:
        run(names)
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
