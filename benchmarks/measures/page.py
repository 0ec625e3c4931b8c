"""docs/measures-benchmarks.md from benchmarks/results/measures.json."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from benchmarks.markdown import table, targets

RESULT = Path("benchmarks") / "results" / "measures.json"
PAGE = Path("docs") / "measures-benchmarks.md"

INTRODUCTION = """# Benchmarks of the measures

Written by `make docs` from `benchmarks/results/measures.json`, which `make bench-measures` writes.
Every package is a process of its own; rounds are interleaved, so that whatever slows the machine
slows all of them; times are medians, with the range over rounds.
"""

AGREEMENT = """## The same numbers

Every function of every package that measures what one of ours does, on the same data; *difference*
is relative to the larger of 1 and our number, the largest over the shapes. Numbers agree if that is
at most 1e-6. Where they do not, the reason is stated, and *formula* is how far our own formula for
the package's number is from it: a reason that reproduces the number.
"""

SPEED = """## Speed

Seconds of the whole grid. We are timed on the whole of it. A package that takes pairs one by one is
timed on some pairs, times their number: *counted up*.
"""


#: What docs/numbers.md calls each grid.
WORDS = {
    "cka": "linear CKA",
    "debiased_cka": "linear CKA, debiased",
    "mutual_knn": "mutual kNN, k = 10",
    "calibrated": "linear CKA with p-values",
}


def summary(result: dict[str, Any]) -> str:
    """Table of numbers.md: seconds of a grid, and how many times longer the fastest others take."""
    rows = []
    for row in result["speeds"]:
        medians = {name: timing["median"] for name, timing in row["seconds"].items()}
        ours = medians.pop("methexis")
        others = [
            f"{name} {_times(medians[name] / ours)}"
            for name in sorted(medians, key=medians.__getitem__)
        ]
        rows.append([WORDS[row["measure"]], f"{ours:,.3g} s", ", ".join(others[:3])])
    return table(["grid", "methexis", "the fastest others"], rows)


def _times(ratio: float) -> str:
    return f"{ratio:,.0f}×" if ratio >= 100.0 else f"{ratio:.3g}×"


def page(result: dict[str, Any]) -> str:
    """The whole of docs/measures-benchmarks.md."""
    machine, grid = result["machine"], result["grid"]
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    where = (
        f"{machine['processor']}, {machine['cores']} cores ({machine['architecture']}), "
        f"{machine['system']}; load after the run {machine['load']:.1f}. {versions}. "
        f"{result['rounds']} rounds, {result['threads']} threads for every package.\n"
    )
    words = f"{grid['layers']} × {grid['layers']} layers, n = {grid['n']}, d = {grid['d']}, float32"
    return "\n".join(
        [
            INTRODUCTION,
            where,
            AGREEMENT,
            _agreement(result["agreements"]),
            SPEED,
            *(_speed(row, words, grid) for row in result["speeds"]),
            _rate(result),
            "## Memory\n\n" + _memory(result["memory"]),
            "## Targets\n\n" + targets(result["targets"]),
            *(f"- {note}" for note in result["notes"]),
            "",
        ]
    )


def _agreement(rows: list[dict[str, Any]]) -> str:
    functions: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in rows:
        options = ", ".join(f"{k}={v!r}" for k, v in row["options"].items())
        key = row["peer"], row["function"], f"{row['measure']}({options})"
        functions.setdefault(key, []).append(row)
    lines = []
    for (peer, function, ours), found in functions.items():
        off = [row for row in found if not row["agrees"]]
        formulas = [row["formula"] for row in off if row["formula"] is not None]
        differences = [row["difference"] for row in found if row["difference"] is not None]
        lines.append(
            [
                f"{peer}: {function}",
                f"`{ours}`",
                f"{max(differences):.0e}" if differences else "",
                "yes" if not off else f"at {len(found) - len(off)} of {len(found)} shapes",
                f"{max(formulas):.0e}" if formulas else "",
                "; ".join(sorted({row["reason"] for row in off})),
            ]
        )
    return table(["function", "ours", "difference", "agrees", "formula", "why not"], lines)


def _speed(row: dict[str, Any], words: str, grid: dict[str, Any]) -> str:
    ours = row["seconds"]["methexis"]["median"]
    lines = [
        [
            name,
            f"{timing['median']:,.4g}",
            f"{min(timing['rounds']):,.4g} … {max(timing['rounds']):,.4g}",
            f"{timing['median'] / ours:,.3g}",
            row["variants"][name] + (", counted up" if row["extrapolated"][name] else ""),
        ]
        for name, timing in sorted(row["seconds"].items(), key=lambda item: item[1]["median"])
    ]
    more = (
        f" p-values of all pairs: ours from exact moments, theirs from {grid['orders']} orders of "
        "each."
        if row["measure"] == "calibrated"
        else ""
    )
    head = ["", "s of the grid", "range", "× ours", "timed"]
    return f"### {row['measure']}\n\n{words}.{more}\n\n{table(head, lines)}"


def _rate(result: dict[str, Any]) -> str:
    rate = result["product_rate"]
    shares = {
        row["measure"]: row["flops"]
        / statistics.median(row["seconds"]["methexis"]["rounds"])
        / rate
        for row in result["speeds"]
        if row["measure"] in {"cka", "debiased_cka"}
    }
    words = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
    return (
        f"Products of large float32 matrices run at {1e-9 * rate:,.0f} Gflop/s here. Share of that "
        f"rate, over the whole grid and counting only the operations that it needs: {words}.\n\n"
        + " ".join(_bound(row, rate) for row in result["speeds"] if row["measure"] in shares)
        + "\n"
    )


def _bound(row: dict[str, Any], rate: float) -> str:
    """How much faster than the fastest package a grid could be if products were all of it."""
    seconds = {name: timing["median"] for name, timing in row["seconds"].items()}
    del seconds["methexis"]
    if not seconds:
        return ""
    fastest = min(seconds, key=lambda name: seconds[name])
    least = row["flops"] / rate
    return (
        f"Those operations alone take {least:.2f} s for {row['measure']} at that rate: whatever "
        "makes every kernel once, by products of matrices in single precision, is here at most "
        f"{seconds[fastest] / least:,.3g} times as fast as {fastest}."
    )


def _memory(memory: dict[str, Any] | None) -> str:
    if memory is None:
        return "Not measured.\n"
    scores = ", ".join(f"{title} {score:.6f}" for title, score in memory["scores"].items())
    return (
        f"Linear CKA, biased and debiased, of two files of {memory['rows']:,} × "
        f"{memory['features']} float32 ({memory['bytes_read'] / 1e9:.2f} GB), allowed "
        f"{memory['memory']}: {memory['seconds']:.1f} s in one pass, at most "
        f"{memory['peak_bytes'] / 1e6:,.0f} MB resident ({memory['peak_bytes_before'] / 1e6:,.0f} "
        f"MB of which before it began). {scores}. `python -m benchmarks.measures.memory` prints "
        "it.\n"
    )
