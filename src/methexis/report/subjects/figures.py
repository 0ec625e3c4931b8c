"""Pictures of a study of several subjects: models, the group's RDM, its conditions as points."""

from __future__ import annotations

from collections.abc import Iterator

from methexis.errors import MethexisError
from methexis.measures import mds
from methexis.measures.inference import models_drawing
from methexis.measures.inputs import rdm_drawing
from methexis.plots.panel import Picture
from methexis.scenarios.subjects.result import SubjectsResult


def figures(result: SubjectsResult) -> Iterator[Picture]:
    """All pictures."""
    found, group = result.found, result.group_rdm
    alt = f"Mean score of {len(found.names)} models, with intervals and the noise ceiling"
    yield Picture("models", models_drawing.panel(found.drawn()), alt)
    shades = rdm_drawing.heat_map(
        group.matrix, group.dissimilarity, group.labels, "condition"
    )
    yield Picture("rdm", shades, "RDM of the group as shades")
    try:
        points = mds(group)
    except MethexisError:  # conditions that spread along one direction only
        return
    yield Picture("mds", points.drawn(), "Conditions as points, by multidimensional scaling")
