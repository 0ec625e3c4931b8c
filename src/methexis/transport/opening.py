"""`open_translation`: a translation from the file that it was saved to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from methexis.errors import MethexisError
from methexis.measures.inputs.preprocessing import Preprocessing
from methexis.transport import storing
from methexis.transport.between import SIDE_ARRAYS, OneSide
from methexis.transport.certificate import Certificate
from methexis.transport.translation import Translation
from methexis.transport.unpaired.result import UnpairedCertificate, UnpairedTranslation
from methexis.transport.worth import Worth

#: What a file may hold.
Opened = Translation | UnpairedTranslation


def open_translation(path: str | Path) -> Opened:
    """Open a translation that `Translation.save` or `UnpairedTranslation.save` wrote.

    Parameters
    ----------
    path : path
        The .npz file.

    Returns
    -------
    Translation or UnpairedTranslation
        As it was saved: with the same maps, to the bit, and the certificate that they had.

    Raises
    ------
    MethexisError
        If there is no such file, or it is no translation.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from methexis.transport import translate
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(60, 3))
    >>> y = x @ np.linalg.qr(rng.normal(size=(3, 3)))[0]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = open_translation(translate(x, y).save(f"{folder}/maps"))
    >>> bool(np.allclose(again.forward(x), y))
    True
    """
    arrays, about = storing.read(path)
    try:
        return _KINDS[about.get("kind", "Translation")](about, _sides(arrays, about))
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise MethexisError(
            f"path: expected a file that Translation.save wrote, got {path}, of which a part is "
            f"missing or changed ({type(error).__name__}: {error})"
        ) from None


def _sides(arrays: dict[str, NDArray[Any]], about: dict[str, Any]) -> tuple[OneSide, OneSide]:
    first, second = (
        OneSide(
            name=about["names"][k],
            size=float(about["sizes"][k]),
            bound=float(about["bounds"][k]),
            **{name: arrays[f"{name}_{'xy'[k]}"] for name in SIDE_ARRAYS},
        )
        for k in range(2)
    )
    return first, second


def _paired(about: dict[str, Any], sides: tuple[OneSide, OneSide]) -> Translation:
    return Translation(
        names=(about["names"][0], about["names"][1]),
        map=about["map"],
        ridge=(float(about["ridge"][0]), float(about["ridge"][1])),
        matching=about["matching"],
        matching_ridge=float(about["matching_ridge"]),
        n=about["n"],
        repeated=about["repeated"],
        certificate=_certificate(about["certificate"]),
        preprocessing=Preprocessing(**about["preprocessing"]),
        seed=about["seed"],
        sides=sides,
        sentence=about["sentence"],
        notes=tuple(about["notes"]),
    )


def _unpaired(about: dict[str, Any], sides: tuple[OneSide, OneSide]) -> UnpairedTranslation:
    return UnpairedTranslation(
        names=(about["names"][0], about["names"][1]),
        map=about["map"],
        n=(about["n"][0], about["n"][1]),
        certificate=UnpairedCertificate(**about["certificate"]),
        preprocessing=Preprocessing(**about["preprocessing"]),
        seed=about["seed"],
        sides=sides,
    )


#: What opens a translation of each kind; files of the first versions are all of pairs.
_KINDS: dict[str, Callable[[dict[str, Any], tuple[OneSide, OneSide]], Opened]] = {
    "Translation": _paired,
    "UnpairedTranslation": _unpaired,
}


def _certificate(content: dict[str, Any]) -> Certificate:
    identity = content["identity"]
    return Certificate(
        names=(content["names"][0], content["names"][1]),
        worth=_worth(content["worth"]),
        identity=None if identity is None else _worth(identity),
        shuffled=_worth(content["shuffled"]),
        few=tuple(_worth(one) for one in content["few"]),
        predicts=content["predicts"],
        matches=content["matches"],
    )


def _worth(content: dict[str, Any]) -> Worth:
    return Worth(**{name: _tuples(value) for name, value in content.items()})


def _tuples(value: Any) -> Any:
    return tuple(_tuples(one) for one in value) if isinstance(value, list) else value
