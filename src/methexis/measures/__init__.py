"""Measures of alignment, and the inference that makes their scores believable."""

from methexis.measures.dissimilarity.crossnobis import crossnobis, mahalanobis, residuals
from methexis.measures.dissimilarity.dissimilarities import rdm
from methexis.measures.dissimilarity.noise import noise_covariance
from methexis.measures.dissimilarity.rsa import RSA, rsa
from methexis.measures.dissimilarity.rsa_kendall import RSAKendall, rsa_kendall
from methexis.measures.dissimilarity.rsa_whitened import RSAWhitened, rsa_whitened
from methexis.measures.inference.compare import Comparison, compare
from methexis.measures.inference.compare_all import compare_all
from methexis.measures.inference.grid import Grid
from methexis.measures.inference.groups import (
    GroupComparison,
    NoiseCeiling,
    compare_group,
    noise_ceiling,
)
from methexis.measures.inputs.preprocessing import Preprocessing
from methexis.measures.inputs.rdm import RDM
from methexis.measures.kernels.cka import CKA, RV, cka, rv
from methexis.measures.kernels.distance_correlation import DistanceCorrelation, distance_correlation
from methexis.measures.kernels.gram_cosine import GramCosine, gram_alignment, gram_cosine
from methexis.measures.kernels.hsic import HSIC, hsic
from methexis.measures.measure import Invariance, Measure, NullMoments
from methexis.measures.neighbours.cknna import CKNNA, cknna
from methexis.measures.neighbours.curve import NeighbourCurve, neighbour_curve
from methexis.measures.neighbours.cycle_knn import CycleKNN, cycle_knn
from methexis.measures.neighbours.edit_distance_knn import EditDistanceKNN, edit_distance_knn
from methexis.measures.neighbours.jaccard_knn import JaccardKNN, jaccard_knn
from methexis.measures.neighbours.lcs_knn import LCSKNN, lcs_knn
from methexis.measures.neighbours.mutual_knn import MutualKNN, mutual_knn
from methexis.measures.neighbours.rank_similarity import RankSimilarity, rank_similarity
from methexis.measures.neighbours.second_order_cosine import SecondOrderCosine, second_order_cosine
from methexis.measures.planted import CAUSES, PlantedPair, planted_pair
from methexis.measures.registry import MEASURES
from methexis.measures.spectra import (
    PowerLaw,
    effective_rank,
    eigenspectrum,
    participation_ratio,
    power_law,
    spectral_bound,
)
from methexis.measures.streaming import Streamed, stream
from methexis.measures.subspaces.aligned_cosine import AlignedCosine, aligned_cosine, matrix_cosine
from methexis.measures.subspaces.bures import Bures, BuresDistance, bures, bures_distance
from methexis.measures.subspaces.cca import CCA, SVCCA, cca, svcca
from methexis.measures.subspaces.gulp import GULP, gulp
from methexis.measures.subspaces.linear_predictivity import LinearPredictivity, linear_predictivity
from methexis.measures.subspaces.procrustes import (
    Procrustes,
    ProcrustesDistance,
    SizeAndShape,
    procrustes,
    procrustes_distance,
    procrustes_size,
)
from methexis.measures.subspaces.pwcca import PWCCA, pwcca
from methexis.measures.subspaces.second_moments import SecondMoments
from methexis.measures.units import Matching, SoftMatching, matching, soft_matching

__all__ = [
    # what a measure is
    "Invariance",
    "MEASURES",
    "Measure",
    "NullMoments",
    "Preprocessing",
    # dissimilarities
    "RDM",
    "crossnobis",
    "mahalanobis",
    "noise_covariance",
    "rdm",
    "residuals",
    # several subjects
    "GroupComparison",
    "NoiseCeiling",
    "compare_group",
    "noise_ceiling",
    # comparison
    "Comparison",
    "Grid",
    "compare",
    "compare_all",
    # out of core
    "Streamed",
    "stream",
    # pairs of known alignment
    "CAUSES",
    "PlantedPair",
    "planted_pair",
    # measures
    "CKA",
    "DistanceCorrelation",
    "GramCosine",
    "HSIC",
    "RV",
    "cka",
    "RSA",
    "rsa",
    "RSAKendall",
    "rsa_kendall",
    "RSAWhitened",
    "rsa_whitened",
    "distance_correlation",
    "gram_alignment",
    "gram_cosine",
    "hsic",
    "rv",
    # measures of nearest neighbours
    "CKNNA",
    "CycleKNN",
    "EditDistanceKNN",
    "JaccardKNN",
    "LCSKNN",
    "MutualKNN",
    "NeighbourCurve",
    "RankSimilarity",
    "SecondOrderCosine",
    "cknna",
    "cycle_knn",
    "edit_distance_knn",
    "jaccard_knn",
    "lcs_knn",
    "mutual_knn",
    "neighbour_curve",
    "rank_similarity",
    "second_order_cosine",
    # measures of shapes and spans
    "Bures",
    "BuresDistance",
    "CCA",
    "GULP",
    "PWCCA",
    "Procrustes",
    "ProcrustesDistance",
    "SVCCA",
    "SizeAndShape",
    "bures",
    "bures_distance",
    "cca",
    "gulp",
    "procrustes",
    "procrustes_distance",
    "procrustes_size",
    "pwcca",
    "svcca",
    # measures of samples, units and predictions
    "AlignedCosine",
    "LinearPredictivity",
    "Matching",
    "SoftMatching",
    "aligned_cosine",
    "linear_predictivity",
    "matching",
    "matrix_cosine",
    "soft_matching",
    # one representation
    "PowerLaw",
    "effective_rank",
    "eigenspectrum",
    "participation_ratio",
    "power_law",
    "spectral_bound",
    # in one pass
    "SecondMoments",
]
