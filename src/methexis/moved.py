"""Old homes of modules: importing one gives the module at its new home, and warns once.

Only modules that documents named, or that define a public name, have an entry; CHANGELOG.md lists
the others. The finder is the last to be asked, so an import that succeeds never comes here.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType

#: By old home and new home, the modules that moved; ``old=new`` where the name changed as well.
_FAMILIES = {
    "core": {
        "core.layers": "charges gap geometry",
        "core.random": "addresses laws philox streams",
    },
    "measures": {
        "measures": "matching=units",
        "measures.dissimilarity": "crossnobis dissimilarities noise rsa rsa_kendall rsa_whitened",
        "measures.dropin": "calibration=calibrated_similarity",
        "measures.inference": "compare intervals resampling",
        "measures.inference.all_pairs": "compare_all grid",
        "measures.inference.subjects": "ceilings=groups",
        "measures.inputs": "preprocessing rdm",
        "measures.kernels": "bandwidth cka distance_correlation gram_cosine hsic rv=cka",
        "measures.neighbours": "cknna cycle_knn edit_distance_knn jaccard_knn lcs_knn mutual_knn "
        "neighbour_curve=curve rank_similarity second_order_cosine",
        "measures.subspaces": "aligned_cosine bures cca gulp linear_predictivity procrustes pwcca "
        "second_moments",
    },
    "report": {
        "report.comparing": "sides=text",
        "report.reversing": "reversal=page",
        "report.running": "run=page",
        "report.verify": "terminal=text",
    },
    "theory": {"theory.fixed_points": "decay deficit drift edge steady"},
    "training": {"training.engines": "native", "training.records": "run"},
}

MOVED = {
    f"methexis.{old_home}.{old}": f"methexis.{new_home}.{new or old}"
    for old_home, families in _FAMILIES.items()
    for new_home, names in families.items()
    for old, _, new in (name.partition("=") for name in names.split())
}


class _OldHomes:
    """Finder and loader of modules by their old names: a second name of the same module."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in MOVED:
            return None
        warnings.warn(f"{name} is now {MOVED[name]}", FutureWarning, stacklevel=2)
        # Not a subclass of importlib's Loader: with that class `import methexis` would load typing.
        return ModuleSpec(name, self)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """An empty module, which `exec_module` replaces."""
        package = sys.modules[spec.name.rpartition(".")[0]]
        if spec.name.rpartition(".")[2] in vars(package):
            package.__class__ = _KeepsNames
        return ModuleType(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Put the module of the new name in its place."""
        sys.modules[module.__name__] = import_module(MOVED[module.__name__])


class _KeepsNames(ModuleType):
    """A package that exports a function under the name of a module that it had.

    An import of ``package.name`` ends with ``package.name = module``, which would hide it.
    """

    def __setattr__(self, name: str, value: object) -> None:
        hides = isinstance(value, ModuleType) and f"{self.__name__}.{name}" in MOVED
        if not (hides and name in vars(self)):
            super().__setattr__(name, value)


def install() -> None:
    """Let old names be imported."""
    sys.meta_path.append(_OldHomes())
