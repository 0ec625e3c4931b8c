"""What `translate` makes of two representations: maps in both directions, with a certificate."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from methexis import plots
from methexis.display import Displayed, Table
from methexis.measures.inputs.preprocessing import Preprocessing
from methexis.transport.between import Between, OneSide
from methexis.transport.certificate import Certificate


@dataclass(frozen=True, eq=False)
class Translation(Between, Displayed, plots.Pictured):
    """Maps between two representations, in both directions, with what they are worth.

    `plot` draws the certificate: what is predicted and found against the number of pairs.

    Attributes
    ----------
    names : (str, str)
        What both sides are called.
    map : str
        By which predictions are made: "rotation", "scaled" or "linear".
    ridge : (float, float)
        Of the map from x and of the one from y, in units of the mean variance along principal
        directions; infinite for a rotation.
    matching, matching_ridge : str, float
        The same of the common space in which partners are sought.
    n : int
        Number of pairs.
    repeated : int
        Pairs that repeat another in one of both.
    certificate : Certificate
        What it is worth for samples that it has not seen.
    preprocessing : Preprocessing
        What is done to every row before; predictions are of rows after it.
    seed : int
    sides : (OneSide, OneSide)
        The maps.
    sentence : str
        The certificate in plain words.
    notes : tuple of str
        What limits it, in sentences.
    """

    names: tuple[str, str]
    map: str
    ridge: tuple[float, float]
    matching: str
    matching_ridge: float
    n: int
    repeated: int
    certificate: Certificate
    preprocessing: Preprocessing
    seed: int
    sides: tuple[OneSide, OneSide]
    sentence: str = ""
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The certificate in plain words."""
        return self.sentence

    def as_dict(self) -> dict[str, Any]:
        """All but the maps in plain types, for JSON."""
        return {
            "names": list(self.names),
            "map": self.map,
            "ridge": list(self.ridge),
            "matching": self.matching,
            "matching_ridge": self.matching_ridge,
            "n": self.n,
            "repeated": self.repeated,
            "features": [side.width for side in self.sides],
            "ranks": [side.axes.shape[1] for side in self.sides],
            "preprocessing": asdict(self.preprocessing),
            "seed": self.seed,
            "sentence": self.sentence,
            "notes": list(self.notes),
            "certificate": self.certificate.as_dict(),
        }

    def to_dataframe(self) -> Any:
        """A `pandas.DataFrame` of the certificate, two rows for each measurement."""
        return self.certificate.to_dataframe()

    def _picture(self) -> plots.Panel:
        """The picture that `plot` draws, for a page."""
        return self.certificate._picture()

    def _facts(self) -> dict[str, object]:
        told: dict[str, object] = {"map": self.map}
        return told | self.certificate._facts() | {"n": self.n}

    def _table(self) -> Table:
        """The table of the certificate."""
        return self.certificate._table()
