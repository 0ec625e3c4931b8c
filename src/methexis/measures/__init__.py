"""Measures of alignment, and the inference that makes their scores believable."""

from methexis.measures.cka import CKA, cka
from methexis.measures.compare import Comparison, compare
from methexis.measures.compare_all import compare_all
from methexis.measures.distance_correlation import DistanceCorrelation, distance_correlation
from methexis.measures.gram_cosine import GramCosine, gram_alignment, gram_cosine
from methexis.measures.grid import Grid
from methexis.measures.hsic import HSIC, hsic
from methexis.measures.jaccard_knn import JaccardKNN, jaccard_knn
from methexis.measures.measure import Invariance, Measure, NullMoments
from methexis.measures.mutual_knn import MutualKNN, mutual_knn
from methexis.measures.preprocessing import Preprocessing
from methexis.measures.registry import MEASURES
from methexis.measures.rv import RV, rv

__all__ = [
    # what a measure is
    "Invariance",
    "MEASURES",
    "Measure",
    "NullMoments",
    "Preprocessing",
    # comparison
    "Comparison",
    "Grid",
    "compare",
    "compare_all",
    # measures
    "CKA",
    "DistanceCorrelation",
    "GramCosine",
    "HSIC",
    "RV",
    "cka",
    "distance_correlation",
    "gram_alignment",
    "gram_cosine",
    "hsic",
    "rv",
    "JaccardKNN",
    "MutualKNN",
    "jaccard_knn",
    "mutual_knn",
]
