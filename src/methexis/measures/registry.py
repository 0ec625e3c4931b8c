"""All measures by name; adding one is one file, its line here and its line in the tests.

A measure's module is imported when it is asked for, so that one comparison loads one measure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from methexis import measures
from methexis.core.checks import shown
from methexis.errors import MethexisError
from methexis.measures.measure import Measure
from methexis.text import suggestion


class _Classes(Mapping[str, type[Measure[Any]]]):
    """Classes by the names of measures, from the names of classes."""

    def __init__(self, names: dict[str, str]) -> None:
        self._names = names

    def __getitem__(self, name: str) -> type[Measure[Any]]:
        kind: type[Measure[Any]] = getattr(measures, self._names[name])
        return kind

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


MEASURES: Mapping[str, type[Measure[Any]]] = _Classes(
    {
        "gram_cosine": "GramCosine",
        "cka": "CKA",
        "hsic": "HSIC",
        "rv": "RV",
        "distance_correlation": "DistanceCorrelation",
        "mutual_knn": "MutualKNN",
        "jaccard_knn": "JaccardKNN",
        "cknna": "CKNNA",
        "cycle_knn": "CycleKNN",
        "lcs_knn": "LCSKNN",
        "edit_distance_knn": "EditDistanceKNN",
        "rank_similarity": "RankSimilarity",
        "second_order_cosine": "SecondOrderCosine",
        "procrustes": "Procrustes",
        "procrustes_distance": "ProcrustesDistance",
        "procrustes_size": "SizeAndShape",
        "bures": "Bures",
        "bures_distance": "BuresDistance",
        "cca": "CCA",
        "svcca": "SVCCA",
        "pwcca": "PWCCA",
        "gulp": "GULP",
        "linear_predictivity": "LinearPredictivity",
        "aligned_cosine": "AlignedCosine",
        "matching": "Matching",
        "soft_matching": "SoftMatching",
        "rsa": "RSA",
        "rsa_whitened": "RSAWhitened",
        "rsa_kendall": "RSAKendall",
    }
)


def chosen(measure: Any, options: dict[str, Any]) -> Measure[Any]:
    """A measure from its name and options, or the given measure itself.

    Raises
    ------
    MethexisError
        If there is no such measure or option; with the nearest name.
    """
    if isinstance(measure, Measure):
        if options:
            raise MethexisError(
                f"options: expected none with a measure that is made already, got {options}"
            )
        return measure
    if not isinstance(measure, str):
        raise MethexisError(
            f"measure: expected a name, such as 'cka', or a Measure, got {shown(measure)}"
        )
    if measure not in MEASURES:
        raise MethexisError(
            f"measure: expected one of {', '.join(MEASURES)}, got {shown(measure)}"
            f"{suggestion(measure, list(MEASURES))}"
        )
    entry = MEASURES[measure]
    known = entry.option_names()
    for name in options:
        if name not in known:
            raise MethexisError(
                f"options of {measure}: expected {', '.join(known) or 'none'}, got {name!r}"
            )
    return entry(**options)
