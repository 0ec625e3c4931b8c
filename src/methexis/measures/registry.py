"""All measures by name; adding one is one file, its line here and its line in the tests."""

from __future__ import annotations

import difflib
from typing import Any

from methexis.errors import MethexisError
from methexis.measures.dissimilarity.rsa import RSA
from methexis.measures.dissimilarity.rsa_kendall import RSAKendall
from methexis.measures.dissimilarity.rsa_whitened import RSAWhitened
from methexis.measures.kernels.cka import CKA, RV
from methexis.measures.kernels.distance_correlation import DistanceCorrelation
from methexis.measures.kernels.gram_cosine import GramCosine
from methexis.measures.kernels.hsic import HSIC
from methexis.measures.measure import Measure
from methexis.measures.neighbours.cknna import CKNNA
from methexis.measures.neighbours.cycle_knn import CycleKNN
from methexis.measures.neighbours.edit_distance_knn import EditDistanceKNN
from methexis.measures.neighbours.jaccard_knn import JaccardKNN
from methexis.measures.neighbours.lcs_knn import LCSKNN
from methexis.measures.neighbours.mutual_knn import MutualKNN
from methexis.measures.neighbours.rank_similarity import RankSimilarity
from methexis.measures.neighbours.second_order_cosine import SecondOrderCosine
from methexis.measures.subspaces.aligned_cosine import AlignedCosine
from methexis.measures.subspaces.bures import Bures, BuresDistance
from methexis.measures.subspaces.cca import CCA, SVCCA
from methexis.measures.subspaces.gulp import GULP
from methexis.measures.subspaces.linear_predictivity import LinearPredictivity
from methexis.measures.subspaces.procrustes import Procrustes, ProcrustesDistance, SizeAndShape
from methexis.measures.subspaces.pwcca import PWCCA
from methexis.measures.units import Matching, SoftMatching

MEASURES: dict[str, type[Measure[Any]]] = {
    entry.name: entry
    for entry in (
        GramCosine,
        CKA,
        HSIC,
        RV,
        DistanceCorrelation,
        MutualKNN,
        JaccardKNN,
        CKNNA,
        CycleKNN,
        LCSKNN,
        EditDistanceKNN,
        RankSimilarity,
        SecondOrderCosine,
        Procrustes,
        ProcrustesDistance,
        SizeAndShape,
        Bures,
        BuresDistance,
        CCA,
        SVCCA,
        PWCCA,
        GULP,
        LinearPredictivity,
        AlignedCosine,
        Matching,
        SoftMatching,
        RSA,
        RSAWhitened,
        RSAKendall,
    )
}


def chosen(measure: str | Measure[Any], options: dict[str, Any]) -> Measure[Any]:
    """A measure from its name and options, or as it is.

    Raises
    ------
    MethexisError
        If there is no such measure or option; with the nearest name.
    """
    if isinstance(measure, Measure):
        if options:
            raise MethexisError(
                f"options: expected none beside a measure that is made already, got {options}"
            )
        return measure
    if measure not in MEASURES:
        near = difflib.get_close_matches(str(measure).lower(), MEASURES, n=1, cutoff=0.0)[0]
        raise MethexisError(
            f"measure: expected one of {', '.join(MEASURES)}, got {measure!r}; did you mean "
            f"{near!r}?"
        )
    entry = MEASURES[measure]
    known = entry.option_names()
    for name in options:
        if name not in known:
            raise MethexisError(
                f"options of {measure}: expected {', '.join(known) or 'none'}, got {name!r}"
            )
    return entry(**options)
