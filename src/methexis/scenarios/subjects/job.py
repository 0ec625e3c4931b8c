"""`run_subjects`: from files of subjects and models to a statement about the group."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from methexis.core.checks import location, sequence
from methexis.errors import DegenerateWarning, MethexisError
from methexis.measures import compare_models
from methexis.measures.inputs.naming import unwrapped
from methexis.representations import Representations
from methexis.scenarios.subjects.reading import Subject, read_subject
from methexis.scenarios.subjects.result import SubjectsResult
from methexis.scenarios.subjects.settings import AUTO, SubjectsSettings


def run_subjects(
    subjects: Sequence[str | Path],
    models: Sequence[Representations],
    settings: SubjectsSettings,
    *,
    command: str = "",
    show: Callable[[str, int, int], None] = lambda _what, _done, _all: None,
) -> SubjectsResult:
    """Compare all layers of some models with the RDMs of several subjects.

    Parameters
    ----------
    subjects : sequence of path
        A file per subject: an RDM, or a ``.npz``, ``.mat`` or ``.h5`` of raw runs, with arrays
        ``measurements``, ``conditions``, ``runs`` and, if there are any, ``residuals``.
    models : sequence of Representations
        Every layer is a model; its rows are the conditions in order, numbers by size and words by
        the alphabet.
    settings : SubjectsSettings
    command : str
        For the record: the command that repeats it.
    show : function of (what, done, all)
        Told how far it is.

    Raises
    ------
    MethexisError
        If there are fewer than 3 subjects, or anything cannot be read or compared.
    """
    began = time.perf_counter()
    paths = [location("subjects", one) for one in sequence("subjects", subjects, "paths")]
    if len(paths) < 3:
        raise MethexisError(
            f"subjects: expected at least 3 files, one per subject, got {len(paths)}; of one "
            "subject, methexis compare --rdm A takes the RDM beside a model"
        )
    if not models:
        raise MethexisError("models: expected at least one model, got none")
    read: list[Subject] = []
    for place, path in enumerate(paths):
        show(f"reading {path.name}", place, len(paths))
        read.append(read_subject(path, settings.shrinkage))
        _same_conditions(read[0], read[-1])
    show("comparing with models", len(paths), len(paths))
    named = {
        (f"{model.name}/{layer.name}" if len(models) > 1 else layer.name): unwrapped(layer)
        for model in models
        for layer in model
    }
    if len(named) < sum(len(model) for model in models):
        raise MethexisError("models: expected models of different names, got one name twice")
    kind = settings.dissimilarity
    if kind == AUTO:
        kind = "squared" if read[0].num_channels is not None else "euclidean"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateWarning)  # the result tells them
        group = compare_models(
            named,
            [subject.rdm for subject in read],
            settings.comparison,
            dissimilarity=kind,
            confidence=settings.confidence,
        )
    seconds = time.perf_counter() - began
    return SubjectsResult(tuple(read), tuple(models), settings, kind, group, command, seconds)


def _same_conditions(first: Subject, other: Subject) -> None:
    """See that two subjects were measured under the same conditions, and alike.

    Raises
    ------
    MethexisError
        If not, with the files of both.
    """
    if (first.num_channels is None) != (other.num_channels is None):
        raise MethexisError(
            f"{other.path}: expected {'raw runs' if first.num_channels else 'an RDM'} as in "
            f"{first.path}, got {'raw runs' if other.num_channels else 'an RDM'}"
        )
    n = first.rdm.num_samples
    if other.rdm.num_samples != n:
        raise MethexisError(
            f"{other.path}: expected the {n} conditions of {first.path}, got "
            f"{other.rdm.num_samples}"
        )
    if first.rdm.labels == other.rdm.labels:
        return
    known = set(first.rdm.labels or ())
    strange = next(label for label in other.rdm.labels or () if label not in known)
    raise MethexisError(
        f"{other.path}: expected the conditions of {first.path}, got {strange!r}, which it has not"
    )
