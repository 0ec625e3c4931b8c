"""What `translate_unpaired` makes: maps in both directions, and what supports them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from methexis.display import Displayed, Table
from methexis.measures.inference import tables
from methexis.measures.inputs.preprocessing import Preprocessing
from methexis.transport.between import Between, OneSide
from methexis.transport.unpaired.agreement import Agreement
from methexis.transport.words import share

#: From which share of partners on which two maps agree, or from which mean cosine of their images,
#: something was found: in few directions rows lie close, and partners are missed by a good map.
FOUND, CLOSE = 0.2, 0.9


@dataclass(frozen=True)
class UnpairedCertificate(Displayed):
    """What supports a translation without pairs, from rows that its maps have not seen.

    Two maps are learnt from halves of the rows that share none, each from its own first map. None
    of the numbers is calibrated as a share of true partners: what either side has of its own cannot
    be known without pairs, and the map of all rows is better than those of halves.

    Attributes
    ----------
    found : bool
        Whether `consistency` is at least .2, or `agreement` at least .9.
    consistency : float
        Share of rows whose image under one map is nearest to its image under the other.
    agreement : float
        Mean cosine of the two images of a row.
    nearness : float
        Mean cosine of images with the nearest rows of the other side, over that of these with each
        other. It is 1 where images lie as if they were of the other side.
    candidates : int
        Among how many rows partners are sought.
    """

    found: bool
    consistency: float
    agreement: float
    nearness: float
    candidates: int

    @classmethod
    def of(cls, agreement: Agreement) -> UnpairedCertificate:
        """What two maps say of each other, and whether that is enough."""
        enough = agreement.consistency >= FOUND or agreement.agreement >= CLOSE
        return cls(enough, **asdict(agreement))

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
            "consistency": certificate.consistency,
            "candidates": certificate.candidates,
            "n": self.n,
        }

    def _table(self) -> Table:
        """The table of the certificate."""
        return self.certificate._table()


def sentence(names: tuple[str, str], certificate: UnpairedCertificate) -> str:
    """The certificate in one sentence."""
    a, b = names
    among = f"among {certificate.candidates:,} unseen rows"
    told = share(certificate.consistency)
    if not certificate.found:
        return (
            f"Not found: two maps between {a} and {b} that were learnt apart agree on {told} of "
            f"partners {among}, so do not use either."
        )
    return (
        f"Found: two maps between {a} and {b} that were learnt apart agree on {told} of partners "
        f"{among}, and the one given is of all rows; what either side has of its own no number "
        "without pairs knows."
    )
