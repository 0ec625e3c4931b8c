"""Render results into docs/numbers.md and docs/evidence.md: `python -m evidence.render [--check]`.

A table stands between ``<!-- evidence:begin NAME -->`` and ``<!-- evidence:end NAME -->``; NAME is
an experiment, or ``summary`` for one row per quantity of all of them. docs/numbers.md may hold any
or none of these; docs/evidence.md holds all and is written as a whole.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scipy import stats

from evidence.outcome import RESULTS, decimals, read
from evidence.registry import EXPERIMENTS

ROOT = Path(__file__).resolve().parent.parent
_BLOCK = re.compile(
    r"(<!-- evidence:begin (?P<name>[\w-]+) -->\n).*?(<!-- evidence:end (?P=name) -->)", re.DOTALL
)
_MARK = re.compile(r"<!-- evidence:(begin|end) [\w-]+ -->")

#: Probability with which the smallest error that is told would be noticed.
POWER = 0.9
INTRODUCTION = """# Evidence

Statistical statements of this project are measured by experiments that take longer than the tests
have. This page is written by `make docs` from the files in `evidence/results`, which are written
by `make evidence`. Problems, learning rates, seeds, numbers of replicas and the powers of each fit
stand in `evidence/experiments`, one file per experiment, fixed before the runs (commit 2157491).
Nothing is left out: every learning rate is a row. The tests run reduced versions with other seeds
and compare them with these tables.

How to read a table. *A* is the alignment (1.9) of mean kernels: weights are projected onto the
minima, each layer's kernel is scaled to unit trace and averaged over late time and over replicas.
"±" is one standard error over replicas (jackknife). The row "→ 0" is that of kernels which were
extrapolated to learning rate 0, with its 95 % interval; if an experiment has several quantities,
their intervals hold at once (Bonferroni). It agrees with theory if the prediction lies in it, or,
where two kernels are predicted to be one, if their difference is no larger than by chance
(Hotelling's T²). *Notices* is the smallest relative error of a predicted offset, 1 − A, that would
be found to disagree with probability 0.9. No run starts at the predicted end.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages, or with ``--check`` only say which are stale (status 1)."""
    parser = argparse.ArgumentParser(prog="python -m evidence.render", description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail if a page is stale")
    check = parser.parse_args(arguments).check
    stale = []
    for path, text in pages(ROOT, RESULTS).items():
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path.relative_to(ROOT))
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for path in stale:
        print(f"{path}: {'stale; run make docs' if check else 'written'}")
    return 1 if check and stale else 0


def pages(root: Path, results: Path) -> dict[Path, str]:
    """Text of every page that shows evidence."""
    found = {
        name: read(name, results) for name in EXPERIMENTS if (results / f"{name}.json").exists()
    }
    texts = {root / "docs" / "evidence.md": page(found)}
    numbers = root / "docs" / "numbers.md"
    if numbers.is_file():
        texts[numbers] = filled(numbers.read_text(encoding="utf-8"), found)
    return texts


def filled(text: str, found: dict[str, dict[str, Any]]) -> str:
    """Text with its marked blocks rendered; a text without marks is returned as it is.

    Raises
    ------
    ValueError
        If a mark names no result, or has no partner.
    """

    def block(match: re.Match[str]) -> str:
        return match[1] + table(match["name"], found) + match[3]

    left = _MARK.search(_BLOCK.sub("", text))
    if left:
        raise ValueError(f"expected pairs of evidence marks, got a single {left[0]!r}")
    return _BLOCK.sub(block, text)


def page(found: dict[str, dict[str, Any]]) -> str:
    """The whole of docs/evidence.md."""
    parts = [INTRODUCTION, "## Summary\n", marked("summary", found)]
    for name, result in found.items():
        parts += [f"## {result['title']}\n", f"{result['claim']}\n", _provenance(result)]
        if EXPERIMENTS[name].note:
            parts.append(f"{EXPERIMENTS[name].note}\n")
        parts.append(marked(name, found))
    return "\n".join(parts)


def marked(name: str, found: dict[str, dict[str, Any]]) -> str:
    """A table between its marks."""
    return f"<!-- evidence:begin {name} -->\n{table(name, found)}<!-- evidence:end {name} -->\n"


def table(name: str, found: dict[str, dict[str, Any]]) -> str:
    """Markdown of the summary or of one experiment.

    Raises
    ------
    ValueError
        If there is no such result.
    """
    if name == "summary":
        return _summary(found)
    if name not in found:
        raise ValueError(f"expected one of summary, {', '.join(found)}; got {name!r}")
    return "\n".join(_quantity(q, found[name]) for q in found[name]["quantities"])


def _summary(found: dict[str, dict[str, Any]]) -> str:
    lines = [
        "| experiment | quantity, extrapolated to learning rate 0 | measured | 95 % interval "
        "| theory | notices | agrees |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, result in found.items():
        for q in result["quantities"]:
            value, low, high, theory = decimals(
                q["error"], q["value"], *q["interval"], q["prediction"]
            )
            lines.append(
                f"| `{name}` | {q['name']} | {value} | {low} … {high} | {theory} | "
                f"{_noticed(q, result)} | {_verdict(q['agrees'])} |"
            )
    return "\n".join(lines) + "\n"


def _noticed(q: dict[str, Any], result: dict[str, Any]) -> str:
    """The smallest relative error of an offset that its interval notices with probability `POWER`.

    The measured value is then apart from the prediction by half of the interval and what chance
    takes back from that in one of ten cases.
    """
    if not 0.0 < q["prediction"] < 0.5:  # of alignments themselves, and of deviations
        return "–"
    replicas = min(r["replicas"] - r["lost"] for r in result["runs"])
    low, high = q["interval"]
    back = q["error"] * stats.t.isf(1.0 - POWER, replicas - 1)
    return f"{((high - low) / 2.0 + back) / q['prediction']:.0%}"


def _quantity(q: dict[str, Any], result: dict[str, Any]) -> str:
    runs = {(r["problem"], r["lr"]): r for r in result["runs"]}
    problem = next((p for p, _ in runs if q["name"].startswith(p)), result["runs"][0]["problem"])
    lines = [
        f"{q['name'][0].upper()}{q['name'][1:]}",
        "",
        "| learning rate | steps | replicas | measured |",
        "|---|---|---|---|",
    ]
    for point in q["points"]:
        value, error = decimals(point["error"], point["value"], point["error"])
        run = runs[problem, point["lr"]]
        lines.append(
            f"| {point['lr']:g} | {run['steps']:,} | {run['replicas'] - run['lost']} | "
            f"{value} ± {error} |"
        )
    value, error, low, high, theory = decimals(
        q["error"], q["value"], q["error"], *q["interval"], q["prediction"]
    )
    chi2 = (
        f"χ² = {q['chi2']:.2f} for {q['dof']} degree{'' if q['dof'] == 1 else 's'} of freedom "
        f"(p = {q['p_value']:.2f}); coefficients "
        f"{', '.join(_scientific(c, e) for c, e in _coefficients(q))}."
        if "chi2" in q
        else f"what it leaves over has p = {q['p_value']:.2f}; σ {q['deviation']:+.2f}."
    )
    fitted = "" if "chi2" in q else " to mean kernels"
    powers = ", ".join(str(p) for p in q["powers"])
    lines += [
        f"| → 0 | | | {value} ± {error}, interval {low} … {high} |",
        f"| theory | | | {theory}; agrees: {_verdict(q['agrees'])} |",
        "",
        f"Fit{fitted} with powers {powers} of the learning rate: {chi2}",
        "",
    ]
    return "\n".join(lines)


def _provenance(result: dict[str, Any]) -> str:
    machine = result["machine"]
    lost = sum(r["lost"] for r in result["runs"])
    return (
        f"`{result['command']}`: {result['wall_seconds']:.0f} s on {machine['cores']} cores "
        f"({machine['architecture']}), Methexis {result['version']}, seeds "
        f"{', '.join(map(str, result['seeds']))}; replicas lost: {lost}.\n"
    )


def _coefficients(q: dict[str, Any]) -> list[tuple[float, float]]:
    return list(zip(q["coefficients"][1:], q["coefficient_errors"][1:], strict=True))


def _scientific(value: float, error: float) -> str:
    return f"{value:.3g} ± {error:.2g}"


def _verdict(agrees: bool) -> str:
    return "yes" if agrees else "**no**"


if __name__ == "__main__":
    raise SystemExit(main())
