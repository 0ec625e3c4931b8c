"""What a study of several subjects finds: the terminal, the page and ``--json`` read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from methexis.display import Displayed, Table
from methexis.measures import RDM, ModelComparison
from methexis.representations import Representations
from methexis.scenarios.framework.provenance import provenance
from methexis.scenarios.framework.records import to_json
from methexis.scenarios.subjects.reading import Subject
from methexis.scenarios.subjects.settings import SubjectsSettings

FORMAT = 1


@dataclass(frozen=True, eq=False)
class SubjectsResult(Displayed):
    """Models against the RDMs of several subjects.

    Attributes
    ----------
    subjects : tuple of Subject
        Each with its RDM, and how that was made.
    models : tuple of Representations
    settings : SubjectsSettings
    dissimilarity : str
        Between the rows of models that came as features.
    group : ModelComparison
    command : str
    seconds : float
    """

    subjects: tuple[Subject, ...]
    models: tuple[Representations, ...]
    settings: SubjectsSettings
    dissimilarity: str
    group: ModelComparison
    command: str
    seconds: float

    @property
    def conclusion(self) -> str:
        """One sentence about the group."""
        return self.group.conclusion

    @property
    def limits(self) -> tuple[str, ...]:
        """What limits it: noise that was not weighed, and what misleads."""
        unweighed = sum(one.noise.startswith("not weighed") for one in self.subjects)
        of_noise = (
            f"noise between channels is not weighed in {unweighed} of {len(self.subjects)} "
            "subjects: there are no residuals, and no condition was measured twice in a run"
        )
        return (*((of_noise,) if unweighed else ()), *self.group.notes)

    @property
    def group_rdm(self) -> RDM:
        """The mean over subjects of RDMs of mean square one, so that each counts alike."""
        matrices = [np.asarray(one.rdm.matrix, dtype=np.float64) for one in self.subjects]
        alike = [matrix / np.sqrt(np.mean(matrix**2)) for matrix in matrices]
        first = self.subjects[0].rdm
        return RDM(np.mean(alike, axis=0), first.dissimilarity, first.labels, name="the group")

    def summary(self) -> dict[str, Any]:
        """Plain data for JSON; numbers that are unknown are null."""
        record = {
            "format": FORMAT,
            "command": self.command,
            "conclusion": self.conclusion,
            "subjects": [one.described() for one in self.subjects],
            "conditions": list(self.subjects[0].rdm.labels or ()),
            "models": [model.described() for model in self.models],
            "comparison": self.settings.comparison,
            "dissimilarity": self.dissimilarity,
            "shrinkage": self.settings.shrinkage,
            "group": self.group.as_dict(),
            "limits": list(self.limits),
            **provenance(self.seconds),
        }
        plain: dict[str, Any] = to_json(record)
        return plain

    def _facts(self) -> dict[str, object]:
        return {"subjects": len(self.subjects), **self.group._facts()}

    def _table(self) -> Table:
        """Every model with its mean score."""
        return self.group._table()
