"""RDMs of several subjects: how well a model does, and how well any could.

Subjects differ, so no model agrees perfectly with all of them. The ceiling brackets what the true
model would score: the mean RDM of all subjects agrees best on average (it has seen the subject it
is tested on: too high), the mean RDM of the others has not (and is noisy: too low).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from scipy.spatial.distance import squareform

from methexis import plots
from methexis.core.checks import Array, count, integer, number, one_of, sequence
from methexis.display import Displayed
from methexis.errors import MethexisError
from methexis.measures.dissimilarity.contract import (
    RDMMeasure,
    centred_off_diagonal,
    require_spread,
)
from methexis.measures.dissimilarity.ranks import average_ranks
from methexis.measures.dissimilarity.rsa import RSA
from methexis.measures.dissimilarity.rsa_kendall import RSAKendall
from methexis.measures.dissimilarity.rsa_whitened import RSAWhitened
from methexis.measures.dissimilarity.whitening import whitened
from methexis.measures.inference import nulls
from methexis.measures.inference.intervals import Resamples, interval
from methexis.measures.inference.subjects import drawing
from methexis.measures.inputs.features import features, to_numpy, warn
from methexis.measures.inputs.rdm import RDM, same_samples
from methexis.measures.inputs.representations import Representation

#: How sentences and axes call the comparisons.
WORDS = {
    "pearson": "Pearson correlation",
    "spearman": "Spearman correlation",
    "cosine": "cosine",
    "whitened_cosine": "whitened cosine",
    "whitened_correlation": "whitened correlation",
    "tau_a": "Kendall's tau-a",
    "tau_b": "Kendall's tau-b",
}
#: The measure that makes each comparison; their dissimilarity is for a model given as features.
MEASURES_OF: dict[str, RDMMeasure[Any]] = {
    "pearson": RSA(comparison="pearson"),
    "spearman": RSA(comparison="spearman"),
    "cosine": RSA(comparison="cosine"),
    "whitened_cosine": RSAWhitened("euclidean", "cosine"),
    "whitened_correlation": RSAWhitened("euclidean", "correlation"),
    "tau_a": RSAKendall(variant="a"),
    "tau_b": RSAKendall(variant="b"),
}
COMPARISONS = tuple(MEASURES_OF)


@dataclass(frozen=True)
class NoiseCeiling(Displayed):
    """What the best model of several subjects' RDMs could score on average.

    Attributes
    ----------
    lower, upper : float
        Means over subjects.
    lower_by_subject, upper_by_subject : tuple of float
        Scores of each subject with the mean RDM of the others, and with that of all.
    comparison : str
        How RDMs were compared.
    """

    lower: float
    upper: float
    lower_by_subject: tuple[float, ...]
    upper_by_subject: tuple[float, ...]
    comparison: str

    @property
    def num_subjects(self) -> int:
        """Number of subjects, one RDM each."""
        return len(self.lower_by_subject)

    def _facts(self) -> dict[str, object]:
        told: dict[str, object] = {"lower": self.lower, "upper": self.upper}
        return told | {"num_subjects": self.num_subjects, "comparison": self.comparison}


@dataclass(frozen=True)
class GroupComparison(Displayed, plots.Pictured):
    """A model against the RDMs of several subjects.

    `plot` draws the mean score with its interval, the subjects, and the noise ceiling.

    Attributes
    ----------
    score : float
        Mean over subjects.
    scores : tuple of float
        Score of each subject.
    ci : (float, float)
        Bootstrap interval over subjects for the mean score of the population they come from, on
        these samples.
    confidence : float
        Confidence level of that interval.
    null_mean, null_sd : float
        Mean and deviation of the mean score over orders of the model's samples.
    p : float
        One-sided probability of such a mean score, were the model's samples assigned at random.
    ceiling : NoiseCeiling
        Noise ceiling of the subjects.
    comparison, dissimilarity : str
        How RDMs were compared, and of which kind the model's RDM is.
    n : int
        Number of samples.
    num_permutations, num_bootstrap : int
        Orders and bootstrap samples drawn.
    seed : int
        Seed of permutations and bootstrap.
    notes : tuple of str
        What misleads here; the texts of the warnings.
    """

    score: float
    scores: tuple[float, ...]
    ci: tuple[float, float]
    confidence: float
    null_mean: float
    null_sd: float
    p: float
    ceiling: NoiseCeiling
    comparison: str
    dissimilarity: str
    n: int
    num_permutations: int
    num_bootstrap: int
    seed: int
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The whole comparison in plain types, for JSON."""
        return asdict(self)

    def _picture(self) -> plots.Panel:
        """The picture that `plot` draws, for a page."""
        return drawing.panel(
            drawing.Models(
                ("the model",),
                np.array([self.scores]),
                np.array([self.ci]),
                (self.ceiling.lower, self.ceiling.upper),
                f"{WORDS[self.comparison]} with subjects",
            )
        )

    def _facts(self) -> dict[str, object]:
        told: dict[str, object] = {"score": self.score, "ci": self.ci, "p": self.p}
        told |= {"num_subjects": len(self.scores), "n": self.n}
        told |= {"lower_ceiling": self.ceiling.lower, "upper_ceiling": self.ceiling.upper}
        return told | {"comparison": self.comparison, "dissimilarity": self.dissimilarity}


def noise_ceiling(rdms: Sequence[RDM | Any] | Any, comparison: str = "pearson") -> NoiseCeiling:
    """Lower and upper estimate of the best mean score that a model can have.

    Upper: the mean over subjects of the score of a subject's RDM with the mean RDM of all; lower:
    with the mean RDM of the others. Before RDMs are averaged they are made alike so that their
    mean has the best mean score:

    =====================  ===================================================================
    comparison             mean of
    =====================  ===================================================================
    pearson                RDMs of mean 0 and length 1 (exactly the best)
    cosine                 RDMs of length 1 (exactly the best)
    whitened_cosine        RDMs of length 1 in the whitened metric (exactly the best)
    whitened_correlation   RDMs of mean 0, and length 1 in the whitened metric (exactly the best)
    spearman               average ranks (nearly the best: the mean is ranked once more)
    tau_a, tau_b           average ranks (a good guess: the best order is a hard problem)
    =====================  ===================================================================

    For the last three a model can score a little more than the upper estimate.

    Parameters
    ----------
    rdms : sequence of RDM, or array (num_subjects, num_samples, num_samples)
        One per subject, of the same samples; condensed rows as well.
    comparison : str
        One of those above.

    Raises
    ------
    MethexisError
        If there are fewer than 3 subjects, they have other samples, or one has equal
        dissimilarities.

    References
    ----------
    H. Nili, C. Wingfield, A. Walther, L. Su, W. Marslen-Wilson and N. Kriegeskorte, "A toolbox for
    representational similarity analysis", PLoS Computational Biology 10, e1003553 (2014).

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> true = rng.normal(size=45) + 10.0
    >>> recorded = true + rng.normal(size=(12, 45))
    >>> ceiling = noise_ceiling(recorded)
    >>> best = np.mean([np.corrcoef(true, one)[0, 1] for one in recorded])
    >>> bool(ceiling.lower < best < ceiling.upper)
    True
    """
    stack = subjects(rdms)
    one_of("comparison", comparison, COMPARISONS)
    measure = MEASURES_OF[comparison]
    alike = np.array([_alike(rdm, comparison) for rdm in stack])
    total = alike.sum(axis=0)
    lower: list[float] = []
    upper: list[float] = []
    for rdm, own in zip(stack, alike, strict=True):
        subject = measure.reduce_rdm(rdm)
        for mean, scores in ((total, upper), (total - own, lower)):
            pooled = RDM(mean / len(stack), "pooled", name="mean of the subjects' RDMs")
            scores.append(measure.score(subject, measure.reduce_rdm(pooled)))
    return NoiseCeiling(
        float(np.mean(lower)), float(np.mean(upper)), tuple(lower), tuple(upper), comparison
    )


def compare_group(
    model: Any,
    rdms: Sequence[RDM | Any] | Any,
    comparison: str = "pearson",
    *,
    dissimilarity: str = "euclidean",
    num_permutations: int = 999,
    num_bootstrap: int = 999,
    confidence: float = 0.95,
    seed: int = 0,
) -> GroupComparison:
    """Compare a model with the RDMs of several subjects.

    Parameters
    ----------
    model : array (num_samples, num_features) or RDM
        Features of the same samples in the same order, or an RDM.
    rdms : sequence of RDM, or array (num_subjects, num_samples, num_samples)
        One per subject; condensed rows as well.
    comparison : {"pearson", "spearman", "cosine", "whitened_cosine", "whitened_correlation", \
"tau_a", "tau_b"}
        How RDMs are compared.
    dissimilarity : {"euclidean", "squared", "correlation", "cosine"}
        Dissimilarity between the model's rows, where it comes as features.
    num_permutations : int
        Orders of the model's samples drawn for p; 0 leaves it out.
    num_bootstrap : int
        Bootstrap samples of subjects for the interval; 0 leaves it out.
    confidence : float
        Confidence level of the interval.
    seed : int
        Seed of permutations and bootstrap.

    Raises
    ------
    MethexisError
        On input that cannot be compared.

    Notes
    -----
    The interval speaks of other subjects and the same samples, p of the pairing of samples;
    `compare_models` sets several models beside each other and beside the ceiling. With
    few subjects a bootstrap interval is too narrow, by about ``sqrt((S - 1) / S)`` and more: at 10
    subjects a 95 % interval covers about 90 %.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(10, 3))
    >>> from methexis.measures import rdm
    >>> recorded = rdm(x).condensed + rng.normal(size=(8, 45))
    >>> comparison = compare_group(x, recorded)
    >>> bool(comparison.ceiling.lower < comparison.score), comparison.p < 0.01
    (True, True)
    """
    stack = subjects(rdms)
    one_of("comparison", comparison, COMPARISONS)
    num_permutations = count("num_permutations", num_permutations, least=0)
    num_bootstrap = count("num_bootstrap", num_bootstrap, least=0)
    confidence = number("confidence", confidence, above=0.0, below=1.0)
    seed = integer("seed", seed, least=0)
    measure = replace(MEASURES_OF[comparison], dissimilarity=dissimilarity)
    given = on_cpu("model", model)
    if isinstance(given, RDM):
        same_samples(given, stack[0])
    n = stack[0].num_samples
    if given.num_samples != n:
        raise MethexisError(f"model: expected the {n} samples of the RDMs, got {given.num_samples}")
    misleading = measure.notice(given, stack[0])
    if misleading:
        warn(misleading)
    predicted = measure.reduce_any(given)
    recorded = [measure.reduce_rdm(rdm) for rdm in stack]
    scores = np.array([measure.score(predicted, subject) for subject in recorded])
    means = None
    if num_bootstrap:
        drawn = nulls.counts(len(stack), num_bootstrap, seed)
        means = Resamples(drawn @ scores / len(stack))
    null = nulls.Null(np.nan, np.nan, "none", np.nan, np.empty(0))
    if num_permutations > 1:
        orders = nulls.orders(n, num_permutations, seed)
        shuffled = (measure.reorder(predicted, order) for order in orders)
        null = nulls.from_scores(
            np.array([np.mean([measure.score(s, other) for s in recorded]) for other in shuffled])
        )
    score = float(np.mean(scores))
    return GroupComparison(
        score=score,
        scores=tuple(scores.tolist()),
        ci=interval(score, means, confidence),
        confidence=confidence,
        null_mean=null.mean,
        null_sd=null.sd,
        p=null.p_value(score, distance=False) if num_permutations > 1 else np.nan,
        ceiling=noise_ceiling(stack, comparison),
        comparison=comparison,
        dissimilarity=given.dissimilarity if isinstance(given, RDM) else dissimilarity,
        n=n,
        num_permutations=len(null.scores),
        num_bootstrap=num_bootstrap,
        seed=seed,
        notes=(misleading,) if misleading else (),
    )


def subjects(rdms: Sequence[RDM | Any] | Any) -> list[RDM]:
    """Check the RDMs of several subjects. There must be 3 or more, of the same samples."""
    if isinstance(rdms, RDM):
        raise MethexisError(
            "rdms: expected one RDM per subject, got a single one; mx.compare takes it beside a "
            "model, and speaks of its conditions, not of a group"
        )
    stack = []
    for k, entry in enumerate(sequence("rdms", rdms, "RDMs")):
        one = entry if isinstance(entry, RDM) else RDM(entry, name=f"rdms[{k}]")
        moved = RDM(to_numpy(one.matrix), one.dissimilarity, one.labels, one.tolerance)
        stack.append(moved.called(f"rdms[{k}]"))
    if len(stack) < 3:
        raise MethexisError(
            f"rdms: expected at least 3 subjects, got {len(stack)}; mx.compare takes a single RDM "
            "beside a model, and speaks of its conditions, not of a group"
        )
    for other in stack[1:]:
        if other.num_samples != stack[0].num_samples:
            raise MethexisError(
                f"rdms: expected RDMs of the same samples, got {stack[0].num_samples} in "
                f"{stack[0].name} and {other.num_samples} in {other.name}; take those that all "
                "subjects saw, with rdm.arranged(labels)"
            )
        same_samples(stack[0], other)
    return stack


def _alike(rdm: RDM, comparison: str) -> Array:
    """The RDM such that the mean of several has the best mean score; see `noise_ceiling`."""
    if comparison in {"whitened_cosine", "whitened_correlation"}:
        require_spread(rdm)
        matrix = rdm.matrix
        if comparison == "whitened_correlation":
            matrix = centred_off_diagonal(rdm, matrix)
        length = np.linalg.norm(whitened(rdm, matrix))
        return np.asarray(matrix / length)
    if comparison in {"spearman", "tau_a", "tau_b"}:  # plain ranks: their sums are tied exactly
        require_spread(rdm)
        return np.asarray(squareform(average_ranks(rdm.condensed, rdm.tolerance)))
    return np.asarray(RSA(comparison=comparison).reduce_rdm(rdm).matrix)


def on_cpu(name: str, model: Any) -> Representation:
    """Features or an RDM of a model, checked, in NumPy, where those of subjects are."""
    if isinstance(model, RDM):
        moved = RDM(to_numpy(model.matrix), model.dissimilarity, model.labels, model.tolerance)
        return moved.called(name)
    checked = features(name, model)
    return features(name, to_numpy(checked.array))
