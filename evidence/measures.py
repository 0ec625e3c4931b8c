"""Render the table of measures into docs/measures.md: `python -m evidence.measures [--check]`.

All but the cost is asked of the registry: each measure with its defaults, on one small pair of
representations, which tells whether it has moments in closed form and an interval. The comparison
of docs/guides/comparing.md is run anew and put between its marks, unless only a check is asked for.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from examples.layers import SHAPES, write
from methexis.measures import MEASURES, Measure
from methexis.measures.inference.resampling import resamples
from methexis.measures.inputs.features import features
from methexis.report import print_compare
from methexis.representations import Representations, load
from methexis.scenarios.comparing import (
    DEFAULT_MEASURES,
    CompareSettings,
    measures_named,
    run_compare,
)
from methexis.scenarios.comparing.wanted import widest

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "measures.md"
GUIDE = ROOT / "docs" / "guides" / "comparing.md"
_BLOCK = re.compile(r"(<!-- measures:begin -->\n).*?(<!-- measures:end -->)", re.DOTALL)
_GUIDE = re.compile(r"(<!-- compare:begin -->\n).*?(<!-- compare:end -->)", re.DOTALL)
#: What the guide shows, as a person types it.
COMMANDS = (
    "python -m examples.layers my-layers",
    "methexis compare my-layers/wide my-layers/deep \\\n    "
    "--reference untrained=my-layers/deep-untrained",
)

#: Operations for n samples and d features: once per representation; per pair.
COST = {
    "gram_cosine": ("n² d", "n²"),
    "cka": ("n² d", "n²"),
    "hsic": ("n² d", "n²"),
    "rv": ("n² d", "n²"),
    "distance_correlation": ("n² d", "n²"),
    "mutual_knn": ("n² d", "n k²"),
    "jaccard_knn": ("n² d", "n k²"),
    "cknna": ("n² d", "n k"),
    "cycle_knn": ("n² d", "n k²"),
    "lcs_knn": ("n² d", "n k²"),
    "edit_distance_knn": ("n² d", "n k²"),
    "rank_similarity": ("n² d", "n k²"),
    "second_order_cosine": ("n² d", "n k"),
    "procrustes": ("n d min(n, d)", "n d², d³"),
    "procrustes_distance": ("n d min(n, d)", "n d², d³"),
    "procrustes_size": ("n d min(n, d)", "n d², d³"),
    "bures": ("n d min(n, d)", "n d², d³"),
    "bures_distance": ("n d min(n, d)", "n d², d³"),
    "cca": ("n d min(n, d)", "n d², d³"),
    "svcca": ("n d min(n, d)", "n d², d³"),
    "pwcca": ("n d min(n, d)", "n d², d³"),
    "gulp": ("n d min(n, d)", "n d²"),
    "linear_predictivity": ("n d min(n, d)", "n d², d³ per fold"),
    "aligned_cosine": ("n d min(n, d)", "n d², d³"),
    "matching": ("n d", "n d², d³"),
    "soft_matching": ("n d", "n d², d³ log d"),
    "rsa": ("n² d", "n²"),
    "rsa_whitened": ("n² d", "n²"),
    "rsa_kendall": ("n² d", "n² log n"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page, or with ``--check`` only say whether it is stale (status 1)."""
    parser = argparse.ArgumentParser(prog="python -m evidence.measures", description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail if the page is stale")
    check = parser.parse_args(arguments).check
    if not check:
        show()
    old = PAGE.read_text(encoding="utf-8")
    new = filled(old)
    if new == old:
        return 0
    print(f"docs/{PAGE.name}: {'stale; run make docs' if check else 'written'}")
    if not check:
        PAGE.write_text(new, encoding="utf-8")
    return int(check)


def show() -> None:
    """Run the guide's comparison and put what it prints where it is shown.

    Raises
    ------
    ValueError
        If the marks are not there.
    """
    printed = io.StringIO()
    with tempfile.TemporaryDirectory() as name:
        write(Path(name))
        first, second = (load(Path(name) / which) for which in SHAPES)
        wanted = tuple(measures_named(DEFAULT_MEASURES))
        result = run_compare(
            _renamed(first),
            _renamed(second),
            CompareSettings(wanted),
            references={"untrained": load(Path(name) / "deep-untrained")},
        )
        with contextlib.redirect_stdout(printed):
            print_compare(result, Path("methexis-compare-wide-deep"))
    lines = [line.rstrip() for line in printed.getvalue().strip("\n").splitlines()]
    block = "\n".join(["```text", f"$ {COMMANDS[0]}", f"$ {COMMANDS[1]}", *lines, "```", ""])
    text, count = _GUIDE.subn(
        lambda found: found[1] + block + found[2], GUIDE.read_text(encoding="utf-8")
    )
    if count != 1:
        raise ValueError(f"{GUIDE.name}: expected one pair of compare marks, got {count}")
    GUIDE.write_text(text, encoding="utf-8")


def _renamed(model: Representations) -> Representations:
    return replace(model, path=f"my-layers/{model.name}")


def filled(text: str) -> str:
    """The page with its table made anew.

    Raises
    ------
    ValueError
        If the marks are not there.
    """
    if not _BLOCK.search(text):
        raise ValueError("expected marks measures:begin and measures:end, got none")
    return _BLOCK.sub(lambda found: found[1] + table() + found[2], text)


def table() -> str:
    """One row per measure."""
    lines = [
        "| name | measure, by default | range | unchanged by | tier | chance level | interval | "
        "cost of each; of a pair |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, entry in MEASURES.items():
        one = entry()
        null, resampling = _inference(one)
        low, high = (_bound(bound) for bound in one.range)
        arrow = ", smaller is closer" if one.distance else ""
        cells = [
            f"`{name}`", one.title, f"{low} … {high}{arrow}", ", ".join(widest(one)),
            str(one.tier), null, resampling, "; ".join(COST[name]),
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _inference(one: Measure[Any]) -> tuple[str, str]:
    """How the chance level is found, and what the interval is made of."""
    generator = np.random.default_rng(0)
    n = 60
    a, b = (
        one.reduce(features(name, generator.normal(size=(n, 4)))) for name in ("first", "second")
    )
    null = "permutation" if one.null_moments(a, b) is None else "exact moments"
    found = resamples(one, a, b, num_samples=n, num_resamples=20, seed=0)
    return null, "none" if found is None else one.resampling


def _bound(value: float) -> str:
    if np.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:.3g}".replace("-", "−")


if __name__ == "__main__":
    raise SystemExit(main())
