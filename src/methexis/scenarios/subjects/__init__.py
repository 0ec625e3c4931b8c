"""Models against the RDMs of several subjects, from files of raw runs to a result."""

from methexis.scenarios.subjects.job import run_subjects
from methexis.scenarios.subjects.result import SubjectsResult
from methexis.scenarios.subjects.settings import SubjectsSettings

__all__ = ["SubjectsResult", "SubjectsSettings", "run_subjects"]
