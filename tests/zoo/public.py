"""What is public: every callable that a user reaches, and those that nobody gives input."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import FunctionType, MethodType, ModuleType
from typing import Any

import methexis as mx
from methexis import core, report, scenarios, training
from methexis.measures import Measure, dropin
from methexis.training import optimisers

#: Results, protocols, and what is made by another function: by name, why there is no recipe.
EXEMPT: dict[str, str] = {
    **dict.fromkeys(
        [
            "mx.Comparison",
            "mx.Grid",
            "mx.Explanation",
            "mx.Explanations",
            "mx.Translation",
            "mx.UnpairedTranslation",
            "mx.Interfaces",
            "probes.Interface",
            "mx.Canonical",
            "probes.Turned",
            "mx.Run",
            "mx.Sweep",
            "training.Predicted",
            "mx.Closer",
            "mx.Ranking",
            "measures.Between",
            "measures.Level",
            "measures.Levels",
            "measures.NullMoments",
            "measures.Plan",
            "measures.GroupComparison",
            "measures.MDS",
            "measures.ModelComparison",
            "measures.NoiseCeiling",
            "measures.Streamed",
            "measures.PlantedPair",
            "measures.NeighbourCurve",
            "measures.NeighbourScales",
            "measures.SearchCurve",
            "measures.PowerLaw",
            "theory.AdaptiveMinimum",
            "theory.PlatonicSolution",
            "theory.FixedPoint",
            "theory.Relaxation",
            "theory.SlowPath",
            "geometry.AxisAlignment",
            "geometry.LayerAlignment",
            "dropin.Calibrated",
            "probes.LayerList",
            "probes.LayerOutput",
            "representations.Representation",
            "representations.Representations",
            "scenarios.BreakResult",
            "scenarios.CaseResult",
            "scenarios.CompareResult",
            "scenarios.ReverseResult",
            "scenarios.ReverseScenarioResult",
            "scenarios.ScenarioResult",
            "scenarios.SharpenResult",
            "scenarios.SubjectsResult",
            "scenarios.VerifyResult",
        ],
        "a result: functions that have a recipe make it",
    ),
    **dict.fromkeys(
        [f"scenarios.run_{verb}" for verb in ("break", "compare", "reverse", "sharpen", "verify")],
        "takes what is checked already: settings, representations, entries of a registry",
    ),
    "scenarios.run_subjects": "reads files of subjects: tests/scenarios",
    **dict.fromkeys(
        [
            f"report.{name}"
            for name in (
                *("print_break", "print_case", "print_compare", "print_explain"),
                *("print_reversal", "print_reverse", "write_explain_report"),
                *("print_scenario", "print_sharpen", "print_subjects", "print_verify"),
                *("write_break_report", "write_compare_report", "write_reverse_report"),
                *("print_sweep", "write_sweep_report"),
                *("write_sharpen_report", "write_subjects_report", "write_verify_report"),
                *("print_translate", "write_translate_report"),
                *("print_unpaired", "write_unpaired_report"),
            )
        ],
        "shows a result of a job: tests/report",
    ),
    "optimisers.Hyper": "what engines and theory see of an optimiser, made by them",
    "optimisers.UpdateRule": "abstract",
    **dict.fromkeys(
        ["probes.Asked", "probes.run_canonicalize", "probes.run_list", "probes.run_probe"],
        "what the commands ask of files and models: tests/cli",
    ),
    "core.Problem": "made by Problem.of, which has a recipe",
    "measures.SecondMoments": "made by SecondMoments.of from checked features",
    "measures.Invariance": "an enumeration",
    "measures.Measure": "abstract",
    "init.Initialiser": "a protocol",
    "mx.MethexisError": "an error",
    "mx.ConditionError": "an error",
    "scenarios.listed_measures": "takes nothing",
    "mx.open_translation": "reads a file: tests/transport",
    "mx.write_report": "writes files of a finished run: tests/report",
}


#: Public methods with arguments, by class and name, why there is no recipe.
EXEMPT_METHODS: dict[str, str] = {
    "mx.Run.cell": "its keywords are names of dimensions: tests/training/records",
    "mx.Sweep.run_at": "its keywords are names of dimensions: tests/sweeps",
    **dict.fromkeys(
        [
            "scenarios.ReverseScenarioResult.of",
            "scenarios.ReverseScenarioResult.read",
            "scenarios.ScenarioResult.of",
            "scenarios.ScenarioResult.read",
            "scenarios.VerifyResult.worst",
            "measures.Levels.said",
            "mx.Ranking.among",
        ],
        "called by pages and tables, with names of their own",
    ),
    **dict.fromkeys(
        ["representations.Representation.taken", "representations.Representations.taken"],
        "called where samples are paired, with rows that were found: tests/probes",
    ),
    **dict.fromkeys(
        ["mx.Translation.save", "mx.UnpairedTranslation.save"], "writes a file: tests/transport"
    ),
    "mx.Run.save": "writes files: tests/training/records and tests/files",
    "measures.Plan.told": "takes the words of a command",
    "core.Problem.with_label_noise": "called by plans, with what they have checked",
    **dict.fromkeys(
        [
            "measures.Preprocessing.bound",
            "measures.RDM.beside",
            "measures.RDM.called",
            "measures.RDM.reordered",
            "measures.SecondMoments.from_sums",
            "measures.SecondMoments.merged",
            "measures.SecondMoments.of",
        ],
        "called by measures, with what they have checked",
    ),
}
#: Classes whose methods are a contract between parts of the library, which check what they pass on.
_CONTRACTS = (Measure, optimisers.UpdateRule, optimisers.GradientFlow)


def namespaces() -> dict[str, ModuleType]:
    """Every public package, by what names of recipes begin with."""
    return {
        "mx": mx,
        "measures": mx.measures,
        "theory": mx.theory,
        "geometry": mx.geometry,
        "init": mx.init,
        "schedules": mx.schedules,
        "probes": mx.probes,
        "representations": mx.representations,
        "core": core,
        "dropin": dropin,
        "training": training,
        "optimisers": optimisers,
        "scenarios": scenarios,
        "report": report,
    }


def public() -> Iterator[tuple[str, Any]]:
    """Every public callable once, by the name of the first place that has it."""
    seen: set[int] = set()
    for label, module in namespaces().items():
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


def methods() -> Iterator[str]:
    """Public methods with arguments, of what users make and are given."""
    for label, value in public():
        if not inspect.isclass(value) or issubclass(value, (*_CONTRACTS, Exception)):
            continue
        for name, method in inspect.getmembers(value):
            if name.startswith("_") or not isinstance(method, FunctionType | MethodType):
                continue
            mine = (method.__module__ or "").startswith("methexis.")
            if mine and set(inspect.signature(method).parameters) - {"self"}:
                yield f"{label}.{name}"
