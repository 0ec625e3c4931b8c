"""Every measure against planted truth, and the page and picture made of it.

``python -m evidence.truth`` runs `benchmarks.measures.truth` in full (some twenty minutes) and
writes ``evidence/results/measures/truth.json``, docs/measures-truth.md and docs/images/truth.png;
with ``--render`` it only turns the file into page and picture.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.measures.truth import CauseScore, MeasureScore, SizeScore, Truth, run_truth
from benchmarks.measures.truth_text import LEGEND, markdown, truth_figure, truth_table
from evidence.outcome import RESULTS, say
from methexis.plots import style

ROOT = Path(__file__).resolve().parent.parent
RESULT = RESULTS / "measures" / "truth.json"
PAGE = ROOT / "docs" / "measures-truth.md"
PICTURE = ROOT / "docs" / "images" / "truth.png"

INTRODUCTION = """# Which measure sees what

Every measure against pairs of representations whose alignment is known exactly, with one planted
cause of misalignment each. The pairs are layers of embedded deep linear networks, so the alignment
of the whole population follows from weights; `mx.measures.planted_pair` makes them and says what
each cause is. Written by `python -m evidence.truth` from `evidence/results/measures/truth.json`;
`make bench-measures BENCH='--only truth'` prints it anew.

"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and write."""
    parser = argparse.ArgumentParser(prog="python -m evidence.truth", description=__doc__)
    parser.add_argument("--render", action="store_true", help="write the page, run nothing")
    if not parser.parse_args(arguments).render:
        result = run_truth(workers=None, show=say)
        RESULT.write_text(json.dumps(result.summary(), indent=1) + "\n", encoding="utf-8")
    result = read(json.loads(RESULT.read_text(encoding="utf-8")))
    PAGE.write_text(page(result), encoding="utf-8")
    with style.house_style():
        truth_figure(result).savefig(PICTURE, dpi=160, metadata={"Software": None})
    say(f"{PAGE.relative_to(ROOT)}, {PICTURE.relative_to(ROOT)}: written")
    return 0


def read(content: dict[str, Any]) -> Truth:
    """The result from its file; null is NaN again."""

    def back(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: back(v) for k, v in value.items()}
        if isinstance(value, list):
            return tuple(map(back, value))
        return float("nan") if value is None else value

    fields = back({k: v for k, v in content.items() if k != "methexis"})
    measures = tuple(
        MeasureScore(
            **{
                **one,
                "causes": tuple(CauseScore(**c) for c in one["causes"]),
                "sizes": tuple(SizeScore(**s) for s in one["sizes"]),
            }
        )
        for one in fields["measures"]
    )
    return Truth(**{**fields, "measures": measures})


def page(result: Truth) -> str:
    """docs/measures-truth.md."""
    head, rows = truth_table(result)
    bias = [
        [
            one.title,
            *(f"{s.bias_aligned:+.3g}".replace("-", "−") for s in one.sizes),
            *(f"{s.bias_unrelated:+.3g}".replace("-", "−") for s in one.sizes),
        ]
        for one in result.measures
    ]
    sizes = [f"n={s.num_samples}" for s in result.measures[0].sizes]
    follows = [
        [one.title, *("–" if f is None else f"{f:.2f}".replace("-", "−") for f in _follows(one))]
        for one in result.measures
    ]
    causes = [c.cause for c in result.measures[0].causes if max(c.truth) - min(c.truth) > 1e-9]
    spread = ", ".join(
        f"{c.cause} {min(c.truth):.2f}" for c in result.measures[0].causes if c.cause in causes
    )
    top = result.measures[0].causes[0].truth[0]
    return "\n".join(
        [
            INTRODUCTION
            + f"{result.num_problems} problems, {result.num_draws} draws of {result.num_samples} "
            f"samples with 48 and 40 features at each of {len(result.strengths)} strengths; "
            f"{result.background:.0%} of the variance of both is noise of their own, which leaves "
            f"an alignment of {top:.3f}. At full strength it is: {spread}. Left out: soft "
            "matching, seconds per score.\n",
            "![Which measure sees which cause how soon](images/truth.png)\n",
            LEGEND + "\n",
            markdown(head, rows),
            "\n## Does it order them as the truth does?\n",
            "Spearman correlation of the mean score with the true alignment along each dial.\n",
            markdown(["measure", *causes], follows),
            f"\n## Bias\n\nMean score less mean score at {result.many} samples: first of aligned "
            "pairs, then of pairs that share nothing.\n",
            markdown(
                ["measure", *(f"aligned, {s}" for s in sizes), *(f"unrelated, {s}" for s in sizes)],
                bias,
            ),
            "",
        ]
    )


def _follows(one: MeasureScore) -> list[float | None]:
    causes = [c for c in one.causes if max(c.truth) - min(c.truth) > 1e-9]
    return [None if c.follows != c.follows else c.follows for c in causes]


if __name__ == "__main__":
    raise SystemExit(main())
