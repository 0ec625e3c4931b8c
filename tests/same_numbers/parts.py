"""All that is stored: by file and name, what computes it; and whether two results are the same."""

from __future__ import annotations

import functools
import json
import math
import os
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import methexis as mx
from tests.same_numbers import closed_forms, commands, grids, pairs, runs, several

DATA = Path(__file__).resolve().parents[1] / "data" / "same_numbers"
MEASURES = tuple(mx.measures.MEASURES)

Part = dict[str, Callable[[], Any]]
PARTS: dict[str, Part] = {
    "measures": {name: partial(pairs.described, name) for name in MEASURES},
    "pairs": {name: partial(pairs.pairs, name) for name in MEASURES} | {"large": pairs.large},
    "grids": {name: partial(grids.of_measure, name) for name in MEASURES}
    | {"options": grids.of_options, "inputs": grids.of_inputs},
    "several": {
        function.__name__: function
        for function in (
            *(several.streams, several.curves, several.ceilings, several.dissimilarities),
            *(several.spectra, several.planted, several.dropins, several.files),
        )
    },
    "runs": {
        f"{engine}: {name}": partial(runs.trained, name, engine)
        for engine in runs.ENGINES
        for name in runs.names(engine)
    }
    | {f"{engine}: resumed": partial(runs.resumed, engine) for engine in runs.ENGINES}
    | {f"{engine}: shown": partial(runs.shown, engine) for engine in runs.ENGINES},
    "theory": {
        **{name: partial(closed_forms.closed_forms, name) for name in closed_forms.problems()},
        **{
            f"slow, {name}": partial(closed_forms.slow_dynamics, name) for name in closed_forms.SLOW
        },
        "elsewhere": closed_forms.elsewhere,
    },
    "commands": {
        name: partial(commands.printed, words) for name, words in commands.COMMANDS.items()
    },
    "commands_long": {
        name: partial(commands.printed, words) for name, words in commands.LONG.items()
    },
}

#: Relative tolerance, by file and by a pattern of the path within it; the first that fits holds.
TOLERANCES: list[tuple[str, str, float]] = [
    # Products in single precision, which threads and blocks add up in another order.
    ("pairs", "/float32", 1e-4),
    ("grids", "/single, (auto|float32)", 1e-4),
    # Tails of a fitted law: an error of z is multiplied by z². P-values of permutations are
    # multiples of 1/(number of orders + 1), so that this tells any two of them apart.
    ("", "/(p|p_corrected|q)(/|$)", 1e-6),
    # Integrators and solvers stop at tolerances of their own, 1e-7 and looser: rounding may make
    # one step more or less.
    ("theory", "/(slow_drift|entropic_flow|modified_flow|.*fixed_point)", 1e-6),
    ("theory", "/(unreturned|sharpness|top_eigenvalues|project)", 1e-7),
    ("runs", "optimiser, flow", 1e-7),
    # Rounding grows along a run, and reports are of differences between runs.
    ("runs", "float32", 1e-4),
    # Lanczos stops at a tolerance of 1e-4, a projection at an error of second order in the gap.
    ("runs", "/records/(sharpness|.*_projected)", 1e-6),
    ("runs", "", 1e-8),
    ("commands", "", 1e-6),
    # Some formulas will be made one, which moves the last digits and no others.
    ("", "", 1e-9),
]
#: What is smaller, beside the other numbers of its array or beside 1, is rounding.
FLOOR = 1e-12
#: Compared only where the machine is the one that made the stored bits; elsewhere the numbers
#: beside them are compared, to the tolerances above.
BITS = {"bits", "fingerprint"}
#: Bits of what is derived from the weights, which a formula made one may move.
EVERY_BIT = {"record bits"}
#: Entries that results have gained since, with the value that says: as before.
GAINED: dict[str, Any] = {
    "one_pass": False,
    "weighted": False,
    "measured": {
        "quantities": ["projection", "entropic_gap", "sharpness"],
        "records": "all",
        "networks": "all",
    },
}
_NUMBER = re.compile(r"[-+]?\d*\.?\d+(?:e[-+]?\d+)?")


def stored(part: str) -> dict[str, Any]:
    """Everything of a file."""
    found: dict[str, Any] = json.loads((DATA / f"{part}.json").read_text(encoding="utf-8"))
    return found


@functools.cache
def same_machine() -> bool:
    """Whether bits are those of the instruction sets and libraries that made the stored ones."""
    return stored("machine") == runs.machine()


def differences(part: str, name: str, *, most: int = 20) -> list[str]:
    """Where what is computed now is not what was stored, in at most so many lines."""
    # Through JSON, so that both have the same types.
    found = json.loads(json.dumps(PARTS[part][name]()))
    lines = _unequal(part, name, stored(part)[name], found, FLOOR)
    return [line for line, _ in zip(lines, range(most), strict=False)]


def _as_drawn(key: str, new: dict[str, Any]) -> bool:
    """Whether an entry says that a comparison scored all orders whole, and resampled as before."""
    if key in {"num_whole", "num_permutations"}:
        return new.get("num_whole") == new.get("num_permutations")
    return key == "interval" and new[key] in {"bootstrap", "halves", "none"}


def _unequal(part: str, path: str, old: Any, new: Any, floor: float) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        more = new.keys() - old.keys()
        gained = {key for key in more if new[key] == GAINED.get(key) or _as_drawn(key, new)}
        new = {key: value for key, value in new.items() if key not in gained}
        if old.keys() != new.keys():
            yield f"{path}: had {sorted(old.keys() - new.keys())} in place of " + str(
                sorted(new.keys() - old.keys())
            )
        scale = old.get("rms", max(map(abs, _finite(old.get("all", []))), default=1.0))
        for key in old.keys() & new.keys():
            if _compared(key):
                beside = FLOOR * max(1.0, scale) if "shape" in old else floor
                yield from _unequal(part, f"{path}/{key}", old[key], new[key], beside)
    elif isinstance(old, list) and isinstance(new, list):
        if len(old) != len(new):
            yield f"{path}: had {len(old)} entries, has {len(new)}: {old!r:.300}, {new!r:.300}"
        for place, (one, other) in enumerate(zip(old, new, strict=False)):
            yield from _unequal(part, f"{path}/{place}", one, other, floor)
    elif isinstance(old, str) and isinstance(new, str):
        if old != new and (same_machine() or not _same_but_for_rounding(old, new)):
            yield f"{path}: was {old!r}, is {new!r}"
    elif _is_number(old) and _is_number(new) and isinstance(old, float | int):
        if not _close(old, new, _tolerance(part, path), floor):
            yield f"{path}: was {old!r}, is {new!r}"
    elif old != new:
        yield f"{path}: was {old!r:.300}, is {new!r:.300}"


def _compared(key: str) -> bool:
    if key in EVERY_BIT:
        return same_machine() and os.environ.get("METHEXIS_EVERY_BIT") == "1"
    return key not in BITS or same_machine()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _finite(values: Any) -> list[float]:
    return [v for v in values if _is_number(v) and math.isfinite(v)]


def _close(old: float, new: float, relative: float, floor: float) -> bool:
    if isinstance(old, int) and isinstance(new, int):
        return old == new
    if not (math.isfinite(old) and math.isfinite(new)):
        return repr(float(old)) == repr(float(new))
    return abs(old - new) <= relative * abs(old) + floor


def _tolerance(part: str, path: str) -> float:
    return next(
        tolerance
        for of, pattern, tolerance in TOLERANCES
        if part.startswith(of) and re.search(pattern, path)
    )


def _same_but_for_rounding(old: str, new: str) -> bool:
    """Whether texts agree but for the last digits of their numbers, as on another machine."""
    if _NUMBER.sub("#", old) != _NUMBER.sub("#", new):
        return False
    pairs_of_numbers = zip(_NUMBER.findall(old), _NUMBER.findall(new), strict=True)
    return all(math.isclose(float(a), float(b), rel_tol=0.05) for a, b in pairs_of_numbers)
