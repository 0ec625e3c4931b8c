"""One subject from a file: an RDM as it is, or raw runs that become one by crossnobis.

Raw runs are the arrays ``measurements`` (num_measurements, num_channels), ``conditions`` and
``runs`` (num_measurements,) of a ``.npz``, MATLAB or HDF5 file, and where there are any
``residuals`` (num_residuals, num_channels). Conditions and runs are numbers, in ``.npz`` also
words. Without residuals the noise between channels comes from conditions that were measured twice
in a run; without those too, distances are not weighed by it, and the result says so.

Conditions are put in order, numbers by size and words by the alphabet, because subjects see them in
different orders, and rows of models have to be in one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from methexis.core.checks import Array
from methexis.errors import MethexisError
from methexis.measures import RDM, crossnobis, noise_covariance, residuals
from methexis.representations import load, readers
from methexis.representations.representation import Stored, Unread
from methexis.text import shown

#: What reads several arrays by name, by suffix.
_READERS = {".npz": "read_npz", ".mat": "read_mat", ".h5": "read_hdf5", ".hdf5": "read_hdf5"}
_RAW = "measurements"
_NEEDED = (_RAW, "conditions", "runs")


@dataclass(frozen=True, eq=False)
class Subject:
    """The RDM of one subject, and how it was made."""

    path: str
    rdm: RDM
    #: What raw runs have; None where an RDM was given.
    num_channels: int | None = None
    num_runs: int | None = None
    #: Where the noise covariance comes from, and the share of the target in it.
    noise: str = "given as an RDM"
    share: float | None = None

    def described(self) -> dict[str, Any]:
        """All but the numbers of the RDM, in plain types."""
        return {
            "path": self.path,
            "num_conditions": self.rdm.num_samples,
            "num_channels": self.num_channels,
            "num_runs": self.num_runs,
            "noise": self.noise,
            "shrinkage_share": self.share,
        }


def read_subject(path: Path, shrinkage: str) -> Subject:
    """Read the RDM of one subject, or make it.

    Raises
    ------
    MethexisError
        If the file holds neither raw runs nor an RDM; the message names it.
    """
    name = shown(str(path))
    members: dict[str, Stored | Unread] = {}
    reader = _READERS.get(path.suffix.lower())
    if reader is not None and path.is_file():
        members = {one.name: one for one in getattr(readers, reader)(path)}
    if _RAW not in members:
        return _given(path, name)
    try:
        return _from_runs(path, name, members, shrinkage)
    except MethexisError as error:
        text = str(error)
        raise MethexisError(text if text.startswith(name) else f"{name}: {text}") from None


def _given(path: Path, name: str) -> Subject:
    model = load(path, dissimilarities=True).read()
    if len(model) != 1:
        raise MethexisError(
            f"{name}: expected one RDM, or arrays {', '.join(_NEEDED)} of raw runs, got "
            f"{len(model)} arrays ({', '.join(model.names[:4])}{' …' if len(model) > 4 else ''})"
        )
    return Subject(name, RDM(np.asarray(model.layers[0].array), name=name))


def _from_runs(
    path: Path, name: str, members: dict[str, Stored | Unread], shrinkage: str
) -> Subject:
    absent = [wanted for wanted in _NEEDED if wanted not in members]
    if absent:
        raise MethexisError(
            f"expected arrays {', '.join(_NEEDED)} of raw runs, got none called "
            f"{' or '.join(absent)}"
        )
    measurements = _array(members, _RAW)
    conditions, runs = (_labels(path, members, which) for which in _NEEDED[1:])
    covariance, share = None, None
    noise = "not weighed: no residuals, and no condition twice in a run"
    if "residuals" in members:
        covariance, share = noise_covariance(_array(members, "residuals"), shrinkage)
        noise = "from residuals"
    elif len(conditions) == len(runs) > len(set(zip(conditions, runs, strict=True))):
        left, freedom = residuals(measurements, conditions, runs)
        covariance, share = noise_covariance(left, shrinkage, degrees_of_freedom=freedom)
        noise = "from repetitions within runs"
    rdm = crossnobis(measurements, conditions, runs, covariance)
    ordered = rdm.arranged([str(one) for one in sorted(set(conditions))])
    channels = int(measurements.shape[1])
    return Subject(name, ordered, channels, len(set(runs)), noise, share)


def _array(members: dict[str, Stored | Unread], name: str) -> Array:
    member = members[name]
    if isinstance(member, Unread):
        raise MethexisError(f"{name}: {member.why}")
    if member.array.ndim != 2:
        raise MethexisError(
            f"{name}: expected an array (num_measurements, num_channels), got shape "
            f"{member.array.shape}"
        )
    return np.asarray(member.array, dtype=np.float64)


def _labels(path: Path, members: dict[str, Stored | Unread], name: str) -> list[Any]:
    """Labels of measurements, numbers or words."""
    member = members[name]
    if isinstance(member, Unread):
        if path.suffix.lower() != ".npz":
            raise MethexisError(f"{name}: {member.why}; number them, or give words in a .npz")
        return readers.read_npz_words(path, name)
    numbers = np.asarray(member.array)
    if numbers.ndim == 2 and 1 in numbers.shape:  # MATLAB knows no vectors
        numbers = numbers.ravel()
    if numbers.ndim != 1:
        raise MethexisError(
            f"{name}: expected one label per measurement, got shape {member.array.shape}"
        )
    if not np.isfinite(numbers).all():
        raise MethexisError(f"{name}: expected labels that are numbers or words, got NaN")
    return list(numbers.tolist())
