"""Does *explain* name the rung that is there? ``python -m evidence.explain``.

Pairs are drawn of which the rung is known (`evidence.explain_laws`), and counted is what is named:
that rung, a wrong one, or that it cannot be told. An *oracle* decides by the same rule from maps
that are the best of the population, which it knows; where it fails, nobody could do better, and a
strength at which it fails in more than 1 % is no fair question.

Three sizes: *small* is 500 samples of 64 features (of planted pairs 48 and 40), *wide* 4,000
samples of 768, *few* 150 samples of 64. A file per case and size,
``evidence/results/explain/SIZE/CASE.json``, is written after every few draws, all cases in turn,
and the same command goes on; ``--render`` turns the files into docs/explain-calibration.md. Laws,
strengths, sizes and seeds stand here and were fixed before the judged runs; the thresholds of
`methexis.explaining.verdict` were chosen on the seeds of the pilot (``--pilot``).
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine
from evidence.crew import add_options, share_out
from evidence.explain_laws import LAWS, PLANTED, Law, warp
from evidence.explain_page import page
from evidence.outcome import RESULTS, say
from methexis.core.checks import Array
from methexis.errors import DegenerateWarning
from methexis.explaining.ladder import RUNGS, Ladder, all_maps, climbed
from methexis.explaining.verdict import judged
from methexis.maps.fit import Fit
from methexis.maps.paired import Paired, paired
from methexis.maps.projected import Projected
from methexis.measures.inputs.preprocessing import preprocessing
from methexis.version import __version__

ROOT = Path(__file__).resolve().parent.parent
FOLDER = RESULTS / "explain"
PAGE = ROOT / "docs" / "explain-calibration.md"

SEED, PILOT = 20261301, 20261130
#: Samples, features, draws, draws of one turn, and whether the oracle is asked.
SIZES: dict[str, tuple[int, int, int, int, bool]] = {
    "small": (500, 64, 200, 20, True),
    "few": (150, 64, 60, 20, False),
    "wide": (4000, 768, 200, 1, False),
}


def drawn(law: Law, n: int, d: int, rng: np.random.Generator) -> tuple[Array, Array, Array, Array]:
    """Rows of both sides, and the maps that they came from."""
    a, b = law.draw(rng, d)
    latents = rng.standard_normal((n, a.shape[1]))
    seen = warp(latents, law.warped) if law.warped else latents
    return latents @ a.T, seen @ b.T, a, b


def one_draw(name: str, size: str, number: int, seed: int = SEED) -> dict[str, Any]:
    """One pair: what is named, and what the oracle names."""
    n, d, _, _, asked = SIZES[size]
    law = LAWS[name]
    rng = np.random.default_rng([seed, list(LAWS).index(name), n, d, number])
    x, y, a, b = drawn(law, n, d, rng)
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)
        pair = paired(x, y, preprocessing(None))
        ladder = climbed(pair)
        verdict = judged(ladder, pair.groups)
    seconds = time.process_time() - start
    shares = 1.0 - np.mean(ladder.losses.sum(axis=2) / ladder.spread.sum(axis=1), axis=1)
    found: dict[str, Any] = {
        "rung": verdict.rung,
        "possible": list(verdict.possible),
        "shares": dict(zip(ladder.rungs, np.round(shares, 4).tolist(), strict=True)),
        "best": round(verdict.best, 4),
        "optimism": round(ladder.optimism, 4),
        "seconds": round(seconds, 3),
    }
    if asked:
        found["oracle"] = judged(oracle(law, pair, a, b), pair.groups).rung
    return found


def oracle(law: Law, pair: Paired, a: Array, b: Array) -> Ladder:
    """Losses of the best maps of the population, which nothing had to be learnt for."""
    a, b = a / pair.sizes[0], b / pair.sizes[1]
    bent = 1.0 + law.warped**2  # the variance of w(g)
    moments = a @ a.T, bent * b @ b.T, b @ a.T
    fit = Fit(10**9, (np.zeros(len(a)), np.zeros(len(b))), moments)
    every = np.ones(pair.num_samples, dtype=bool)
    rungs = RUNGS if len(a) == len(b) else RUNGS[1:]
    seen = Projected(fit, pair, every)
    losses = np.stack([seen.losses(maps[0]) for maps in all_maps(fit, rungs).values()])
    losses = np.concatenate([losses, losses[-1:]])
    if law.warped:
        losses[-1, 0] = 0.0  # y is a function of x
    return Ladder(rungs, losses, losses, losses, seen.spread, 0.0, pair.y, pair.x, (fit,), every)


def stored(name: str, size: str, folder: Path = FOLDER) -> list[dict[str, Any]]:
    """The draws of a case that are there."""
    path = folder / size / f"{_slug(name)}.json"
    return list(json.loads(path.read_text(encoding="utf-8"))["draws"]) if path.exists() else []


def run(
    given: argparse.Namespace, sizes: Sequence[str], names: Sequence[str], folder: Path = FOLDER
) -> None:
    """Measure what is missing, all cases in turn."""
    for size in sizes:
        _, _, total, turn, _ = SIZES[size]
        wanted = [name for name in names if size != "wide" or name not in PLANTED]
        for until in range(turn, total + 1, turn):
            for name in wanted:
                draws = stored(name, size, folder)
                if len(draws) >= until:
                    continue
                parts = [(name, size, i) for i in range(len(draws), until)]
                draws += share_out(given, one_draw, parts)
                _write(name, size, draws, folder)
                right = sum(one["rung"] == LAWS[name].truth for one in draws)
                say(f"{size} {name}: {right} of {len(draws)}")


def _write(name: str, size: str, draws: list[dict[str, Any]], folder: Path) -> None:
    (folder / size).mkdir(parents=True, exist_ok=True)
    n, d, *_ = SIZES[size]
    about = {
        "case": name,
        "truth": LAWS[name].truth,
        "n": n,
        "d": d,
        "seed": SEED,
        "command": f"python -m evidence.explain --size {size} --only '{name}'",
        "methexis": __version__,
        "machine": machine(),
    }
    lines = ",\n ".join(json.dumps(one) for one in draws)
    text = json.dumps(about, indent=1)[:-2] + f',\n "draws": [\n {lines}\n ]\n}}\n'
    (folder / size / f"{_slug(name)}.json").write_text(text, encoding="utf-8")


def _slug(name: str) -> str:
    return name.replace(", ", "-").replace(" ", "-")


def text(folder: Path = FOLDER) -> str:
    """The page, from the files."""
    sizes = {size: (n, d) for size, (n, d, *_) in SIZES.items()}
    return page(lambda name, size: stored(name, size, folder), sizes)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is missing, or render the page."""
    parser = argparse.ArgumentParser(prog="python -m evidence.explain")
    parser.add_argument("--size", choices=list(SIZES), help="one size")
    parser.add_argument("--only", choices=list(LAWS), nargs="+", help="some cases")
    parser.add_argument("--render", action="store_true", help="write the page, run nothing")
    parser.add_argument("--pilot", type=int, help="so many draws of each case, other seeds; print")
    add_options(parser)
    given = parser.parse_args(arguments)
    sizes = [given.size] if given.size else list(SIZES)
    names = given.only or sorted(LAWS, key=lambda name: not LAWS[name].required)
    if given.pilot:
        for size in sizes:
            for name in names:
                draws = [one_draw(name, size, i, PILOT) for i in range(given.pilot)]
                named = Counter(one["rung"] or "+".join(one["possible"]) for one in draws)
                right = Counter(one.get("oracle", "not asked") for one in draws)
                say(f"{size} {name} ({LAWS[name].truth}): {dict(named)}; oracle {dict(right)}")
        return 0
    if not given.render:
        run(given, sizes, names)
    PAGE.write_text(text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
