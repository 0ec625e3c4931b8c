"""What `translate_unpaired` makes: maps in both directions, and what supports them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from methexis.display import Displayed, Table
from methexis.measures.inference import tables
from methexis.measures.inputs.preprocessing import Preprocessing
from methexis.transport.between import Between, OneSide
from methexis.transport.unpaired.learning import Learnt
from methexis.transport.words import share

#: What an estimate is made from, in words.
_FROM = {
    "returns": "the nearest of their nearest",
    "replicas": "maps begun anew",
    "halves": "maps of halves of the rows",
}


@dataclass(frozen=True)
class UnpairedCertificate(Displayed):
    """What supports a translation without pairs: an estimate of how many partners it finds.

    Attributes
    ----------
    found : bool
        Of a rotation, whether `top1` is above .2 by two standard errors of its own, or above .5
        where the basis is replicas. Of a scaled map, whether errors of its size leave .9 of the
        variance predicted, and both laws are equal under it as far as samples tell.
    top1 : float
        Estimated share of partners that are found among `candidates` rows; 0 where the laws of
        both sides differ under the map, so that nothing supports it.
    candidates : int
        Among how many rows partners are sought.
    basis : str
        What `top1` is estimated from: "returns", held-out rows that are the nearest of their
        nearest, where both sides hold the same samples; "replicas", maps begun anew from a few
        directions, or "halves", maps of halves, both as if neither side had anything of its own.
    nearness : float
        Mean cosine of images with the nearest rows of the other side, over that of these with each
        other. It is 1 where images lie as if they were of the other side, and more where they
        were drawn near: with replicas it is of rows that taught the map.
    """

    found: bool
    top1: float
    candidates: int
    basis: str
    nearness: float

    @classmethod
    def of(cls, learnt: Learnt) -> UnpairedCertificate:
        """What supports the best of maps that were learnt, and whether that is enough."""
        return cls(learnt.enough, learnt.top1, learnt.candidates, learnt.basis, learnt.nearness)

    def as_dict(self) -> dict[str, Any]:
        """All of it in plain types, for JSON."""
        return asdict(self)

    def to_dataframe(self) -> Any:
        """A `pandas.DataFrame` with one row."""
        return tables.rows([self.as_dict()])

    def _table(self) -> Table:
        """A row for each number."""
        return ["what", "value"], [[name, value] for name, value in self.as_dict().items()]


@dataclass(frozen=True, eq=False)
class UnpairedTranslation(Between, Displayed):
    """Maps between two representations that were learnt without any pair.

    Rows go from one side to the other with `forward` and `backward`, and partners are found with
    `match` and `match_back`, as by a `Translation`. Predictions have the size of the other side:
    how much to shrink them cannot be known without pairs.

    Attributes
    ----------
    names : (str, str)
        What both sides are called.
    map : str
        "rotation", or "scaled": a rotation of whitened coordinates.
    n : (int, int)
        Number of rows of both sides.
    certificate : UnpairedCertificate
        What supports it.
    preprocessing : Preprocessing
        What is done to every row before; predictions are of rows after it.
    seed : int
    sides : (OneSide, OneSide)
        The maps.
    """

    names: tuple[str, str]
    map: str
    n: tuple[int, int]
    certificate: UnpairedCertificate
    preprocessing: Preprocessing
    seed: int
    sides: tuple[OneSide, OneSide]

    @property
    def found(self) -> bool:
        """Whether there is a translation that can be relied on."""
        return self.certificate.found

    @property
    def sentence(self) -> str:
        """The certificate in plain words."""
        return sentence(self.names, self.certificate)

    def __str__(self) -> str:
        """The certificate in plain words."""
        return self.sentence

    def as_dict(self) -> dict[str, Any]:
        """All but the maps in plain types, for JSON."""
        return {
            "names": list(self.names),
            "map": self.map,
            "n": list(self.n),
            "features": [side.width for side in self.sides],
            "preprocessing": asdict(self.preprocessing),
            "seed": self.seed,
            "sentence": self.sentence,
            "certificate": self.certificate.as_dict(),
        }

    def to_dataframe(self) -> Any:
        """A `pandas.DataFrame` of the certificate, one row."""
        return self.certificate.to_dataframe()

    def _facts(self) -> dict[str, object]:
        certificate = self.certificate
        return {
            "found": certificate.found,
            "map": self.map,
            "top1": certificate.top1,
            "candidates": certificate.candidates,
            "n": self.n,
        }

    def _table(self) -> Table:
        """The table of the certificate."""
        return self.certificate._table()


def sentence(names: tuple[str, str], certificate: UnpairedCertificate) -> str:
    """The certificate in one sentence."""
    a, b = names
    partners = (
        f"{share(certificate.top1)} of partners among {certificate.candidates:,} rows, as told by "
        f"{_FROM[certificate.basis]}"
    )
    if not certificate.found and certificate.top1 == 0.0 and certificate.basis == "returns":
        return (
            f"Not found: do not use the map between {a} and {b}, because rows are the nearest of "
            "their nearest no more often than strangers; rows that occur twice cannot be."
        )
    if not certificate.found and certificate.top1 == 0.0:
        return (
            f"Not found: do not use the map between {a} and {b}, because nothing supports it: the "
            "laws of both differ under it, or no two ways lead to one map."
        )
    if not certificate.found:
        return (
            f"Not found: do not use the map between {a} and {b}, because it would find {partners}, "
            "and that is too few, or the laws of both differ under it."
        )
    if certificate.basis == "returns":
        return f"Found: the map between {a} and {b} would find {partners}."
    return (
        f"Found: the map between {a} and {b} would find {partners}, if neither side has anything "
        "of its own, and fewer if it has, which no number without pairs knows."
    )
