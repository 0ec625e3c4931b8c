"""Measures of alignment, and the inference that makes their scores believable."""

from methexis.measures.ceilings import (
    GroupComparison,
    NoiseCeiling,
    compare_group,
    noise_ceiling,
)
from methexis.measures.cka import CKA, cka
from methexis.measures.compare import Comparison, compare
from methexis.measures.crossnobis import crossnobis, mahalanobis, residuals
from methexis.measures.dissimilarities import rdm
from methexis.measures.measure import Invariance, Measure, NullMoments
from methexis.measures.noise import noise_covariance
from methexis.measures.preprocessing import Preprocessing
from methexis.measures.rdm import RDM
from methexis.measures.registry import MEASURES
from methexis.measures.rsa import RSA, rsa
from methexis.measures.rsa_kendall import RSAKendall, rsa_kendall
from methexis.measures.rsa_whitened import RSAWhitened, rsa_whitened

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
    "compare",
    # measures
    "CKA",
    "cka",
    "RSA",
    "rsa",
    "RSAKendall",
    "rsa_kendall",
    "RSAWhitened",
    "rsa_whitened",
]
