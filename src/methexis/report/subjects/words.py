"""What page and terminal say of a study of several subjects, in words."""

from __future__ import annotations

from methexis.measures.inference.printing import probability
from methexis.scenarios.subjects.result import SubjectsResult
from methexis.text import shown


def models(result: SubjectsResult) -> list[dict[str, str]]:
    """Each model with its mean score, interval and tests, in the order in which they were given."""
    group = result.group
    return [
        {
            "name": shown(name),
            "mean": f"{group.means[k]:z.3f}",
            "interval": f"{group.intervals[k, 0]:z.3f} to {group.intervals[k, 1]:z.3f}",
            "zero": _p(float(group.p_zero_corrected[k])),
            "below": _p(float(group.p_ceiling_corrected[k])),
        }
        for k, name in enumerate(group.names)
    ]


def pairs(result: SubjectsResult) -> list[dict[str, str]]:
    """Each pair of models with the difference of their means, the larger one first."""
    group = result.group
    order = sorted(range(len(group.names)), key=lambda k: -float(group.means[k]))
    return [
        {
            "first": shown(group.names[i]),
            "second": shown(group.names[j]),
            "difference": f"{group.differences[i, j]:z.3f}",
            "p": _p(float(group.p_pairs[i, j])),
            "corrected": _p(float(group.p_pairs_corrected[i, j])),
        }
        for place, i in enumerate(order)
        for j in order[place + 1 :]
    ]


def subjects(result: SubjectsResult) -> list[dict[str, str]]:
    """Each subject with its sizes, and where its noise covariance comes from."""
    return [
        {
            "path": one.path,
            "runs": "" if one.num_runs is None else str(one.num_runs),
            "channels": "" if one.num_channels is None else str(one.num_channels),
            "noise": one.noise + ("" if one.share is None else f", {one.share:.0%} of the target"),
        }
        for one in result.subjects
    ]


def order(result: SubjectsResult) -> str:
    """In which order rows of models are taken to be; nothing of RDMs without labels.

    Nobody can see from a file whether its rows are in that order, so it is told.
    """
    labels = [shown(label) for label in result.subjects[0].rdm.labels or ()]
    if not labels:
        return ""
    first = ", ".join(labels[:3])
    more = f", … {labels[-1]}" if len(labels) > 4 else f", {labels[3]}"
    return f"rows of models are taken in this order: {first}{more}"


def ceiling(result: SubjectsResult) -> str:
    """Lower and upper bound of the noise ceiling, in words."""
    bounds = result.group.ceiling
    return f"{bounds.lower:z.3f} to {bounds.upper:z.3f}"


def _p(value: float) -> str:
    return probability("", value).strip()
