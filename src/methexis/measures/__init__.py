"""Measures of alignment, and the inference that makes their scores believable."""

from methexis.measures.cka import CKA, cka
from methexis.measures.compare import Comparison, compare
from methexis.measures.jaccard_knn import JaccardKNN, jaccard_knn
from methexis.measures.measure import Invariance, Measure, NullMoments
from methexis.measures.mutual_knn import MutualKNN, mutual_knn
from methexis.measures.preprocessing import Preprocessing
from methexis.measures.registry import MEASURES

__all__ = [
    # what a measure is
    "Invariance",
    "MEASURES",
    "Measure",
    "NullMoments",
    "Preprocessing",
    # comparison
    "Comparison",
    "compare",
    # measures
    "CKA",
    "JaccardKNN",
    "MutualKNN",
    "cka",
    "jaccard_knn",
    "mutual_knn",
]
