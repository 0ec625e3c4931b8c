"""What a study of several subjects is asked to do."""

from __future__ import annotations

from dataclasses import dataclass

from methexis.core.checks import number, one_of
from methexis.display import Displayed
from methexis.measures.dissimilarity.dissimilarities import DISSIMILARITIES
from methexis.measures.dissimilarity.noise import SHRINKAGES
from methexis.measures.inference.subjects.groups import COMPARISONS

#: The dissimilarity of models that is that of the subjects: squared beside crossnobis.
AUTO = "auto"


@dataclass(frozen=True)
class SubjectsSettings(Displayed):
    """Settings of `run_subjects`, checked.

    Parameters
    ----------
    comparison : {"pearson", "spearman", "cosine", "whitened_cosine", "whitened_correlation", \
"tau_a", "tau_b"}
        How RDMs are compared.
    dissimilarity : {"auto", "euclidean", "squared", "correlation", "cosine"}
        Between the rows of models that come as features; "auto" is "squared" where RDMs of subjects
        are made from runs, since crossnobis distances are squared, and "euclidean" beside RDMs that
        are given.
    shrinkage : {"ledoit_wolf", "diagonal", "none"}
        Target to which the noise covariance of each subject is shrunk.
    confidence : float
        Confidence level of the intervals.

    Raises
    ------
    MethexisError
        If one of them is none of these.
    """

    comparison: str = "pearson"
    dissimilarity: str = AUTO
    shrinkage: str = "ledoit_wolf"
    confidence: float = 0.95

    def __post_init__(self) -> None:
        one_of("comparison", self.comparison, COMPARISONS)
        one_of("dissimilarity", self.dissimilarity, (AUTO, *DISSIMILARITIES))
        one_of("shrinkage", self.shrinkage, SHRINKAGES)
        number("confidence", self.confidence, above=0.0, below=1.0)
