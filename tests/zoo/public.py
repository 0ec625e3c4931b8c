"""What is public: every callable that a user reaches, and those that nobody gives input."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import methexis as mx
from methexis import core
from methexis.measures import dropin

#: Results, protocols, and what is made by another function: by name, why there is no recipe.
EXEMPT: dict[str, str] = {
    **dict.fromkeys(
        [
            "mx.Comparison",
            "mx.Grid",
            "mx.Run",
            "measures.NullMoments",
            "measures.GroupComparison",
            "measures.NoiseCeiling",
            "measures.Streamed",
            "measures.PlantedPair",
            "measures.NeighbourCurve",
            "measures.PowerLaw",
            "theory.PlatonicSolution",
            "theory.FixedPoint",
            "theory.Relaxation",
            "theory.SlowPath",
            "geometry.LayerAlignment",
            "dropin.Calibrated",
            "representations.Representation",
            "representations.Representations",
        ],
        "a result: functions that have a recipe make it",
    ),
    "core.Problem": "made by Problem.of, which has a recipe",
    "measures.SecondMoments": "made by SecondMoments.of from checked features",
    "measures.Invariance": "an enumeration",
    "measures.Measure": "abstract",
    "init.Initialiser": "a protocol",
    "mx.MethexisError": "an error",
    "mx.ConditionError": "an error",
    "mx.write_report": "writes files of a finished run: tests/report",
}


def _namespaces() -> dict[str, ModuleType]:
    return {
        "mx": mx,
        "measures": mx.measures,
        "theory": mx.theory,
        "geometry": mx.geometry,
        "init": mx.init,
        "schedules": mx.schedules,
        "representations": mx.representations,
        "core": core,
        "dropin": dropin,
    }


def public() -> Iterator[tuple[str, Any]]:
    """Every public callable once, by the name of the first place that has it."""
    seen: set[int] = set()
    for label, module in _namespaces().items():
        names = getattr(module, "__all__", None) or [
            name
            for name, value in vars(module).items()
            if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__
        ]
        for name in names:
            value = getattr(module, name)
            if callable(value) and id(value) not in seen:
                seen.add(id(value))
                yield f"{label}.{name}", value
