"""Pictures of a study of several subjects: models, the group's RDM, its conditions as points."""

from __future__ import annotations

from collections.abc import Iterator

from methexis.errors import MethexisError
from methexis.measures import mds
from methexis.measures.inference.subjects import drawing
from methexis.measures.inputs import rdm_drawing
from methexis.plots.panel import Picture
from methexis.scenarios.subjects.result import SubjectsResult


def figures(result: SubjectsResult) -> Iterator[Picture]:
    """All pictures of the page, in their order."""
    models, mean = result.group, result.group_rdm
    alt = f"Mean score of {len(models.names)} models, with intervals and the noise ceiling"
    yield Picture("models", drawing.panel(models.drawn()), alt)
    shades = rdm_drawing.heat_map(mean.matrix, mean.dissimilarity, mean.labels, "condition")
    yield Picture("rdm", shades, "RDM of the group as shades")
    try:
        points = mds(mean)
    except MethexisError:  # conditions that spread along one direction only
        return
    yield Picture("mds", points._picture(), "Conditions as points, by multidimensional scaling")
