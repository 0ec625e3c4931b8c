"""Several models against the RDMs of several subjects: which explains the group, and how well.

Every model has one score per subject, and all that is asked is asked of their mean over the
subjects that there might have been, on these conditions. Subjects are the units, so what tells the
mean from zero, from the noise ceiling or from another model's is how scores, or their differences
within a subject, vary from subject to subject:

    t = mean / (sd / √S),    sd² = Σ (value - mean)² / (S - 1),    S - 1 degrees of freedom

Differences are taken within subjects, because a noisy subject lowers the scores of all models
alike. P-values of one kind are corrected for their number by Holm's method.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from scipy import stats

from methexis import plots
from methexis.core.checks import Array, number, one_of
from methexis.display import Displayed, Table
from methexis.errors import DegenerateWarning, MethexisError
from methexis.measures.dissimilarity.dissimilarities import of_features
from methexis.measures.inference import tables
from methexis.measures.inference.multiple import holm
from methexis.measures.inference.printing import probability, short, sized
from methexis.measures.inference.subjects import drawing
from methexis.measures.inference.subjects.groups import (
    COMPARISONS,
    MEASURES_OF,
    WORDS,
    NoiseCeiling,
    noise_ceiling,
    on_cpu,
    subjects,
)
from methexis.measures.inputs.features import warn
from methexis.measures.inputs.naming import named
from methexis.measures.inputs.rdm import RDM, same_samples
from methexis.measures.rounding import OTHER_WAY


@dataclass(frozen=True, eq=False)
class ModelComparison(Displayed, plots.Pictured):
    """Several models against the RDMs of several subjects.

    `plot` draws the mean score of every model with its interval, its subjects, and the ceiling.

    Attributes
    ----------
    names : tuple of str
        Names of the models.
    scores : array (num_models, num_subjects)
        Score of each model's RDM with each subject's.
    means, errors : array (num_models,)
        Means over subjects with their standard errors.
    intervals : array (num_models, 2)
        Intervals by Student's t for mean scores in the population that the subjects come from.
    confidence : float
        Confidence level of these intervals.
    ceiling : NoiseCeiling
        What the best model could score.
    p_zero, p_zero_corrected : array (num_models,)
        One-sided p of a mean score as far above zero, were the population's mean zero.
    p_ceiling, p_ceiling_corrected : array (num_models,)
        One-sided p of a mean score as far below the lower noise ceiling, were the population's mean
        not below; from differences of each subject's score and its own lower ceiling.
    differences : array (num_models, num_models)
        Mean score of the row's model less that of the column's.
    p_pairs, p_pairs_corrected : array (num_models, num_models)
        Two-sided p of such a difference, were the population's mean zero; NaN on the diagonal.
    comparison : str
        How RDMs were compared.
    dissimilarities : tuple of str
        Kind of the dissimilarities of each model.
    n : int
        Number of conditions.
    notes : tuple of str
        What misleads here; the texts of the warnings.
    """

    names: tuple[str, ...]
    scores: Array
    means: Array
    errors: Array
    intervals: Array
    confidence: float
    ceiling: NoiseCeiling
    p_zero: Array
    p_zero_corrected: Array
    p_ceiling: Array
    p_ceiling_corrected: Array
    differences: Array
    p_pairs: Array
    p_pairs_corrected: Array
    comparison: str
    dissimilarities: tuple[str, ...]
    n: int
    notes: tuple[str, ...] = ()

    @property
    def num_subjects(self) -> int:
        """Number of subjects, one RDM each."""
        return int(self.scores.shape[1])

    @property
    def best(self) -> int:
        """The place of the model with the largest mean score."""
        return int(np.argmax(self.means))

    @property
    def conclusion(self) -> str:
        """One sentence about the group: which model explains it, and what that is sure of."""
        best, level = self.best, 1.0 - self.confidence
        name, group = self.names[best], f"the RDMs of {self.num_subjects} subjects"
        low, high = (short(float(end)) for end in self.intervals[best])
        score = (
            f"(mean {WORDS[self.comparison]} {short(float(self.means[best]))}, "
            f"{self.confidence:.0%} interval {low} to {high})"
        )
        if not self.p_zero_corrected[best] <= level:
            return (
                f"No model is shown to explain {group}; the largest mean is that of {name} {score}."
            )
        others = [k for k in range(len(self.names)) if k != best]
        beaten = [k for k in others if self.p_pairs_corrected[best, k] <= level]
        equal = [k for k in others if k not in beaten]
        if beaten and not equal:
            said = f"Of {len(self.names)} models, {name} explains {group} best {score}: "
        else:
            said = f"{name} explains {group} beyond zero {score}: "
        parts = []
        if beaten:
            p = probability("p", float(np.max(self.p_pairs_corrected[best, beaten])))
            most = f"largest {p}" if len(beaten) > 1 else p
            parts.append(
                f"better than {_listed([self.names[k] for k in beaten])} ({most}, corrected)"
            )
        if equal:
            parts.append(f"not to be told from {_listed([self.names[k] for k in equal])}")
        bounds = f"the noise ceiling ({short(self.ceiling.lower)} to {short(self.ceiling.upper)})"
        p_ceiling = float(self.p_ceiling_corrected[best])
        if p_ceiling <= level:
            p = probability("p", p_ceiling)
            parts.append(f"below {bounds}, {p}, so that some is left to explain")
        else:
            parts.append(f"not shown to be below {bounds}")
        return said + ", and ".join(parts) + "."

    def __str__(self) -> str:
        """The conclusion, and a line for each model."""
        width = max(len(name) for name in self.names)
        lines = [self.conclusion]
        for k, name in enumerate(self.names):
            low, high = self.intervals[k]
            lines.append(
                f"{name:<{width}}  {self.means[k]:z.4f} ({self.confidence:.0%} interval {low:z.4f} "
                f"to {high:z.4f}), above zero {probability('p', float(self.p_zero_corrected[k]))}, "
                f"below ceiling {probability('p', float(self.p_ceiling_corrected[k]))}"
            )
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """The whole comparison in plain types, for JSON."""
        record = asdict(self) | {"num_subjects": self.num_subjects, "conclusion": self.conclusion}
        return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in record.items()}

    def _picture(self) -> plots.Panel:
        """The picture that `plot` draws, for a page."""
        return drawing.panel(self.drawn())

    def drawn(self) -> drawing.Models:
        """What of it is drawn."""
        return drawing.Models(
            self.names,
            self.scores,
            self.intervals,
            (self.ceiling.lower, self.ceiling.upper),
            f"{WORDS[self.comparison]} with subjects",
        )

    def to_dataframe(self) -> Any:
        """All models as a `pandas.DataFrame`, a row each, without what is about pairs of them."""
        records = [
            {
                "model": name,
                "mean": self.means[k],
                "error": self.errors[k],
                "low": self.intervals[k, 0],
                "high": self.intervals[k, 1],
                "p_zero": self.p_zero[k],
                "p_zero_corrected": self.p_zero_corrected[k],
                "p_ceiling": self.p_ceiling[k],
                "p_ceiling_corrected": self.p_ceiling_corrected[k],
                **{f"subject_{s}": self.scores[k, s] for s in range(self.num_subjects)},
            }
            for k, name in enumerate(self.names)
        ]
        return tables.rows(records)

    def _facts(self) -> dict[str, object]:
        told: dict[str, object] = {"best": self.names[self.best], "models": len(self.names)}
        told |= {"num_subjects": self.num_subjects, "n": self.n}
        told |= {"lower_ceiling": self.ceiling.lower, "upper_ceiling": self.ceiling.upper}
        told["comparison"] = self.comparison
        return told | ({"notes": self.notes} if self.notes else {})

    def _table(self) -> Table:
        """Every model with its mean score."""
        head = ["model", "mean", "interval", "p above zero", "p below ceiling"]
        return head, (
            [
                name,
                float(self.means[k]),
                tuple(float(end) for end in self.intervals[k]),
                sized(float(self.p_zero_corrected[k])),
                sized(float(self.p_ceiling_corrected[k])),
            ]
            for k, name in enumerate(self.names)
        )


def compare_models(
    models: Any,
    rdms: Sequence[RDM | Any] | Any,
    comparison: str = "pearson",
    *,
    dissimilarity: str = "euclidean",
    confidence: float = 0.95,
) -> ModelComparison:
    """Compare several models with the RDMs of several subjects, and with each other.

    Parameters
    ----------
    models : mapping or sequence
        Features ``(num_samples, num_features)`` or RDMs of the same conditions in the same order,
        by name or in a list: layers of a network, as `representations.load` gives them, say.
    rdms : sequence of RDM, or array (num_subjects, num_samples, num_samples)
        One per subject, of `crossnobis` or any other; condensed rows as well. 3 are needed.
    comparison : {"pearson", "spearman", "cosine", "whitened_cosine", "whitened_correlation", \
"tau_a", "tau_b"}
        How RDMs are compared.
    dissimilarity : {"euclidean", "squared", "correlation", "cosine"}
        Between the rows of models that come as features. Take "squared" beside RDMs of
        `crossnobis`, which are squared distances.
    confidence : float
        Confidence level of the intervals; the conclusion's tests are at a level of one less it.

    Returns
    -------
    ModelComparison

    Raises
    ------
    MethexisError
        If there are fewer than 3 subjects, subjects or models are of other conditions, or one has
        equal dissimilarities.

    Notes
    -----
    All is about other subjects on the same conditions; `compare_group` asks, by permutations, what
    a model scores whose conditions are mixed up. Zero is what no relation scores by the
    correlations; the cosine of RDMs without negative entries is above zero for any two. That a
    model is not shown to be below the noise ceiling is no proof that it reaches it.

    References
    ----------
    H. H. Schütt, A. D. Kipnis, J. Diedrichsen and N. Kriegeskorte, "Statistical inference on
    representational geometries", eLife 12, e82566 (2023).

    Examples
    --------
    >>> import numpy as np
    >>> from methexis.measures import rdm
    >>> rng = np.random.default_rng(0)
    >>> layers = {name: rng.normal(size=(12, 5)) for name in ("h1", "h2")}
    >>> recorded = rdm(layers["h2"]).condensed + 0.5 * rng.normal(size=(6, 66))
    >>> group = compare_models(layers, recorded)
    >>> group.names[group.best], bool(group.p_pairs_corrected[0, 1] < 0.01)
    ('h2', True)
    """
    stack = subjects(rdms)
    one_of("comparison", comparison, COMPARISONS)
    confidence = number("confidence", confidence, above=0.0, below=1.0)
    measure = replace(MEASURES_OF[comparison], dissimilarity=dissimilarity)
    members = named("models", models)
    recorded = [measure.reduce_rdm(rdm) for rdm in stack]
    scores = np.empty((len(members), len(stack)))
    kinds: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DegenerateWarning)
        for place, one in enumerate(members):
            given = on_cpu(f"models[{one.label!r}]", one.array)
            model = given if isinstance(given, RDM) else of_features(given, dissimilarity)
            _same_conditions(model, stack[0])
            # Subjects are measured alike, and so are layers: one note is enough.
            misleading = "" if caught else measure.notice(model, stack[0])
            if misleading:
                warn(misleading)
            predicted = measure.reduce_rdm(model)
            scores[place] = [measure.score(predicted, subject) for subject in recorded]
            kinds.append(model.dissimilarity)
    notes = tuple(dict.fromkeys(str(w.message) for w in caught))
    for warning in {str(w.message): w for w in caught}.values():
        warnings.warn(warning.message, warning.category, stacklevel=2)
    ceiling = noise_ceiling(stack, comparison)
    return _inferred(
        tuple(one.label for one in members), scores, ceiling, confidence, comparison, kinds,
        stack[0].num_samples, notes,
    )  # fmt: skip


def _inferred(
    names: tuple[str, ...],
    scores: Array,
    ceiling: NoiseCeiling,
    confidence: float,
    comparison: str,
    kinds: Sequence[str],
    n: int,
    notes: tuple[str, ...],
) -> ModelComparison:
    """What scores of models with subjects say of the models."""
    num_subjects = scores.shape[1]
    means, errors = _mean_and_error(scores)
    reach = float(stats.t.ppf(0.5 + confidence / 2.0, num_subjects - 1)) * errors
    p_zero = _upper_tail(scores)
    p_ceiling = _upper_tail(np.array(ceiling.lower_by_subject) - scores)
    within = scores[:, None, :] - scores[None, :, :]
    p_pairs = np.minimum(1.0, 2.0 * np.minimum(_upper_tail(within), _upper_tail(-within)))
    np.fill_diagonal(p_pairs, np.nan)
    corrected = np.full(p_pairs.shape, np.nan)
    above = np.triu_indices(len(names), k=1)
    corrected[above] = holm(p_pairs[above])
    corrected.T[above] = corrected[above]
    return ModelComparison(
        names=names,
        scores=scores,
        means=means,
        errors=errors,
        intervals=np.stack([means - reach, means + reach], axis=1),
        confidence=confidence,
        ceiling=ceiling,
        p_zero=p_zero,
        p_zero_corrected=holm(p_zero),
        p_ceiling=p_ceiling,
        p_ceiling_corrected=holm(p_ceiling),
        differences=means[:, None] - means[None, :],
        p_pairs=p_pairs,
        p_pairs_corrected=corrected,
        comparison=comparison,
        dissimilarities=tuple(kinds),
        n=n,
        notes=notes,
    )


def _mean_and_error(values: Array) -> tuple[Array, Array]:
    """Means over subjects, the last dimension, and their standard errors."""
    return np.mean(values, axis=-1), np.std(values, axis=-1, ddof=1) / np.sqrt(values.shape[-1])


def _upper_tail(values: Array) -> Array:
    """One-sided p of a mean over subjects as far above zero; of values that are all one, 1 or 0."""
    mean, error = _mean_and_error(values)
    rounding = OTHER_WAY * max(1.0, float(np.max(np.abs(values))))
    with np.errstate(divide="ignore", invalid="ignore"):
        p = stats.t.sf(mean / error, values.shape[-1] - 1)
    constant = np.where(mean > rounding, 0.0, 1.0)
    return np.asarray(np.where(error > rounding, p, constant))


def _same_conditions(model: RDM, subject: RDM) -> None:
    if model.num_samples != subject.num_samples:
        raise MethexisError(
            f"{model.name}: expected the {subject.num_samples} conditions of the subjects' RDMs, "
            f"got {model.num_samples}"
        )
    same_samples(model, subject)


def _listed(names: Sequence[str], most: int = 4) -> str:
    """Names in a sentence; of many, the first and how many more."""
    if len(names) > most:
        return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else list(names))
