"""The laboratory for the Platonic Representation Hypothesis (``import methexis as mx``)."""

from methexis import lazy as _lazy
from methexis import moved as _moved
from methexis.version import __version__

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submodules=[
        "geometry",
        "init",
        "measures",
        "probes",
        "representations",
        "schedules",
        "theory",
    ],
    submod_attrs={
        # sources and students
        "core": ["EDLN", "MLP", "Samples", "Teacher", "View"],
        # errors
        "errors": ["ConditionError", "MethexisError"],
        # weights
        "core.layers.gap": ["canonical_gauge", "entropic_gap"],
        # practice
        "measures": [
            "Closer",
            "Comparison",
            "Grid",
            "Ranking",
            "closer",
            "compare",
            "compare_all",
            "nearest",
        ],
        "probes": ["probe"],
        "probes.canonical": ["Canonical", "canonicalize"],
        "probes.interfaces": ["Interfaces", "interfaces"],
        "explaining": ["Explanation", "Explanations", "explain", "explain_all"],
        "transport": [
            "Translation",
            "UnpairedTranslation",
            "open_translation",
            "translate",
            "translate_unpaired",
        ],
        # experiment
        "report": ["write_report"],
        "sweeps": ["Sweep", "open_sweep", "sweep"],
        "training": ["Run", "open_run"],
        "training.train": ["train"],
        # optimisers
        "training.optimisers": [
            "SAM",
            "SGD",
            "Adam",
            "AdamW",
            "GradientFlow",
            "RMSProp",
            "SignSGD",
        ],
    },
)
__all__ += ["__version__"]
__dir__ = _lazy.listed(__all__)

_moved.install()
