"""Which calls have become slow: their ratios to the reference computation beside committed ones.

Seconds of two machines do not compare. Ratios to a computation of the same rounds do, to some tens
of per cent, so what is refused is a ratio that has doubled.
"""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.felt.calls import STEPS
from benchmarks.felt.job import FeltResult
from methexis.errors import MethexisError

#: A felt time may become this many times its committed ratio, and no more.
MOST = 2.0


def committed_ratios(path: Path) -> dict[str, float]:
    """Ratios by the name of the call, as ``--out`` stored them.

    Raises
    ------
    MethexisError
        If the file is none of those.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))["felt"]
        return {name: float(one["ratio"]) for name, one in stored.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise MethexisError(
            f"check: expected felt.json of an earlier run, got {path}; --out writes one"
        ) from None


def slower(result: FeltResult, committed: dict[str, float]) -> list[str]:
    """A sentence on every call that takes more than `MOST` times what it did.

    What steps take alone is not felt; it is left to the engine's benchmark.

    Raises
    ------
    MethexisError
        If a call has no committed ratio: nothing would be checked.
    """
    felt = [name for name in result.seconds if not name.endswith(STEPS)]
    if missing := [name for name in felt if name not in committed]:
        raise MethexisError(
            f"check: expected a committed ratio of {', '.join(missing)}, got none; "
            "python -m benchmarks felt --out benchmarks/results writes them"
        )
    return [
        f"{name}: {result.ratio(name):.3g} times the reference, {committed[name]:.3g} committed"
        for name in felt
        if result.ratio(name) > MOST * committed[name]
    ]
