"""Measures of alignment, and the inference that makes their scores believable."""

from methexis.measures.cka import CKA, cka
from methexis.measures.cknna import CKNNA, cknna
from methexis.measures.compare import Comparison, compare
from methexis.measures.cycle_knn import CycleKNN, cycle_knn
from methexis.measures.edit_distance_knn import EditDistanceKNN, edit_distance_knn
from methexis.measures.jaccard_knn import JaccardKNN, jaccard_knn
from methexis.measures.lcs_knn import LCSKNN, lcs_knn
from methexis.measures.measure import Invariance, Measure, NullMoments
from methexis.measures.mutual_knn import MutualKNN, mutual_knn
from methexis.measures.preprocessing import Preprocessing
from methexis.measures.rank_similarity import RankSimilarity, rank_similarity
from methexis.measures.registry import MEASURES
from methexis.measures.second_order_cosine import SecondOrderCosine, second_order_cosine

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
    "cka",
    # of nearest neighbours
    "CKNNA",
    "CycleKNN",
    "EditDistanceKNN",
    "JaccardKNN",
    "LCSKNN",
    "MutualKNN",
    "RankSimilarity",
    "SecondOrderCosine",
    "cknna",
    "cycle_knn",
    "edit_distance_knn",
    "jaccard_knn",
    "lcs_knn",
    "mutual_knn",
    "rank_similarity",
    "second_order_cosine",
]
