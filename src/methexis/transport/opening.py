"""`open_translation`: a translation from the file that it was saved to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from methexis.errors import MethexisError
from methexis.measures.inputs.preprocessing import Preprocessing
from methexis.transport import storing
from methexis.transport.between import OneSide
from methexis.transport.certificate import Certificate
from methexis.transport.translation import SIDE_ARRAYS, Translation
from methexis.transport.worth import Worth


def open_translation(path: str | Path) -> Translation:
    """Open a translation that `Translation.save` wrote.

    Parameters
    ----------
    path : path
        The .npz file.

    Returns
    -------
    Translation
        With the same maps, to the bit, and the certificate that they had.

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
        sides = [
            OneSide(
                name=about["names"][k],
                size=float(about["sizes"][k]),
                bound=float(about["bounds"][k]),
                **{name: arrays[f"{name}_{'xy'[k]}"] for name in SIDE_ARRAYS},
            )
            for k in range(2)
        ]
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
            sides=(sides[0], sides[1]),
            sentence=about["sentence"],
            notes=tuple(about["notes"]),
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise MethexisError(
            f"path: expected a file that Translation.save wrote, got {path}, of which a part is "
            f"missing or changed ({type(error).__name__}: {error})"
        ) from None


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
