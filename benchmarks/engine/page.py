"""docs/benchmarks.md from benchmarks/results/bench.json."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.markdown import table, targets

RESULT = Path("benchmarks") / "results" / "bench.json"
PAGE = Path("docs") / "benchmarks.md"

INTRODUCTION = """# Benchmarks

Written by `make docs` from `benchmarks/results/bench.json`, which `make bench` writes. Every engine
and peer is a process of its own; rounds are interleaved, so that whatever slows the machine slows
all of them; times are medians of microseconds per network-step, with the range over rounds, random
numbers included. `jax` is the fastest of the formulations, ways of drawing and unrollings that are
searched for at each point (`benchmarks/engine/peers/jax_peer.py`); `jax, tuned` also splits the
networks over several devices of the host, by a flag that JAX does not document. Every peer takes
the same step, and a peer that does not ends the benchmark.
"""


def summary(result: dict[str, Any]) -> str:
    """One row per point, one column per peer."""
    peers = [name for name in result["points"][0]["peers"] if name != "reference"]
    rows = []
    for at in result["points"]:
        own = at["peers"]["native"]["median"]
        cells = [f"{at['peers'][name]['median'] / own:,.3g}×" for name in peers[1:]]
        rows.append([at["name"], f"{own:.3g} µs", *cells])
    return table(["networks", *peers], rows)


def page(result: dict[str, Any]) -> str:
    """The whole of docs/benchmarks.md."""
    machine = result["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    parts = [
        INTRODUCTION,
        f"{machine['processor']}, {machine['cores']} cores ({machine['architecture']}), "
        f"{machine['system']}; load before the run {machine['load']:.1f}. {versions}. "
        f"{result['rounds']} rounds of {result['seconds']:g} s, {result['threads']} threads for "
        "every peer. `D` layers of width `d`, batch `B`, `N` networks.\n",
        *(_point(at) for at in result["points"]),
        "## Threads\n\n" + _threads(result["scaling"]),
        "## Growth\n\n" + _growth(result["sweeps"], result["memory"]),
        "## Ceilings\n\n" + _ceilings(result),
        "## Targets\n\n" + targets(result["targets"]),
    ]
    return "\n".join(parts)


def _point(at: dict[str, Any]) -> str:
    rows = [
        [
            name,
            f"{row['median']:.4g}",
            f"{min(row['rounds']):.4g} … {max(row['rounds']):.4g}",
            _times_jax(at["peers"], row, statistics.median),
            _times_jax(at["peers"], row, min),
            row["variant"],
        ]
        for name, row in sorted(at["peers"].items(), key=lambda item: float(item[1]["median"]))
    ]
    head = ["peer", "µs/network-step", "range", "× jax", "fastest rounds", "variant"]
    return f"## {at['name']}\n\n" + table(head, rows)


def _times_jax(
    peers: dict[str, Any], row: dict[str, Any], of: Callable[[Sequence[float]], float]
) -> str:
    return f"{of(peers['jax']['rounds']) / of(row['rounds']):.3g}" if "jax" in peers else ""


def _threads(scaling: list[dict[str, Any]]) -> str:
    rows = [
        [
            s["point"],
            f"{s['one']['median']:.4g}",
            f"{s['many']['median']:.4g}",
            f"{s['speedup']:.3g}",
        ]
        for s in scaling
    ]
    return table(["native, µs/network-step", "1", str(scaling[0]["threads"]), "times faster"], rows)


def _growth(sweeps: list[dict[str, Any]], memory: dict[str, Any]) -> str:
    rows = [
        [
            s["what"],
            s["where"],
            f"{s['sizes'][0]:,} … {s['sizes'][-1]:,}",
            f"{s['deviation']:.0%}" + ("" if s["proportional"] else " (line with offset)"),
        ]
        for s in sweeps
    ]
    text = table(["cost of native, by", "at", "range", "off the line"], rows)
    return (
        f"{text}\nPeak memory at {memory['point']}: {memory['peaks'][0] / 2**20:.0f} MiB after "
        f"{memory['steps'][0]:,} steps, {memory['growth'] / 2**10:+.0f} KiB after "
        f"{memory['steps'][-1]:,}.\n"
    )


def _ceilings(result: dict[str, Any]) -> str:
    rates = result["rates"]
    names = ("fma", "update L1", "update L2", "load L1", "load L2")
    rows = [
        [dtype, *(f"{1e-9 * rates[dtype][name]:.1f}" for name in names)]
        for dtype in ("float64", "float32")
    ]
    head = ["one thread", "Gflop/s", "GB/s, 2 loads + store: L1", "L2", "loads: L1", "L2"]
    reached = [
        [
            c["point"],
            f"{max(c['times'].values()):.3g}",
            c["binding"],
            f"{c['draws']:.3g}",
            f"{c['measured']:.3g}",
            f"{c['fraction']:.0%}",
            f"{c['fraction_with_draws']:.0%}",
        ]
        for c in result["ceilings"]
    ]
    head_reached = ["", "µs least", "binding", "µs draws", "µs measured", "reached", "with draws"]
    millions = 1e-6 * rates["normals"]
    return (
        f"Instruction set {rates['instruction_set']}; {millions:.0f} million normals a second.\n\n"
        f"{table(head, rows)}\n{table(head_reached, reached)}\n"
        "*Least*: the multiply-adds of a step at the rate measured from registers, or its loads\n"
        "and stores, whichever takes longer. *Draws*: its normals alone; they need the same\n"
        f"units.{_passes(result['ceilings'])}"
    )


def _passes(ceilings: list[dict[str, Any]]) -> str:
    """What bounds a step of a single sample; empty where no point has one."""
    with_passes = [c for c in ceilings if c.get("passes")]
    if not with_passes:
        return ""
    rows = [
        [
            c["point"],
            *(f"{t:.3g}" for t in c["passes"].values()),
            f"{sum(c['passes'].values()):.3g}",
            f"{c['measured']:.3g}",
            f"{c['fraction_of_passes']:.0%}",
            f"{c['most']:.0%}",
        ]
        for c in with_passes
    ]
    head = ["µs", *with_passes[0]["passes"], "sum", "measured", "explained", "most"]
    return (
        " They are drawn as the engine draws them for one network, and for many side by side it\n"
        "need not put them in order: draws are an upper bound, and *most* below is a lower one.\n"
        "\nAt batch 1 each weight is stored at every step, beside three multiply-adds. What that\n"
        "costs tells a loop that does nothing but load a weight, multiply it into a sum, subtract\n"
        "from it and store it: a processor that makes two multiply-adds a cycle, and one store,\n"
        "need not make them in the same cycle. An update multiplies what it subtracts, so where\n"
        "additions have pipes of their own it takes longer. With each pass at the rate of such a\n"
        "loop:\n\n"
        f"{table(head, rows)}\n"
        "*Forward*: products and maps whose sums stay in registers, at the rate of multiply-adds.\n"
        "*Back*: sums and updates of all layers but the first. *First layer*: its update.\n"
        "*Draws*: the normals. *Explained*: their sum, of what was measured. *Most*: the share of\n"
        "the ceiling of multiply-adds that is reached when nothing but these passes takes time,\n"
        "one after the other.\n"
    )
