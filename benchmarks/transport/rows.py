"""Rows of real encoders, made once and kept in build/transport-rows."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np

from benchmarks.processes import ROOT, printed
from methexis.core.checks import Array

ENCODED = ROOT / "benchmarks" / "transport" / "peers" / "encoded.py"
CASES = ROOT / "benchmarks" / "probes" / "peers" / "cases.py"
KEPT = ROOT / "build" / "transport-rows"


def encoded_rows(samples: int, length: int, *, announce: Callable[[str], None]) -> dict[str, Array]:
    """Glosses as MiniLM of six layers, of three, and means of GloVe have them.

    Parameters
    ----------
    samples : int
        Glosses; those of which GloVe has no word are left out.
    length : int
        Most tokens of a gloss.
    announce : function of str
        Told if they have to be made, which takes minutes.

    Raises
    ------
    MethexisError
        If the models are not there.
    """
    made_by = zlib.crc32(ENCODED.read_bytes() + CASES.read_bytes())
    path = KEPT / f"{samples}-{length}-{made_by:08x}.npz"
    if not path.is_file():
        announce(f"{samples:,} glosses through both encoders, once: kept as {path.name}")
        KEPT.mkdir(parents=True, exist_ok=True)
        printed(ENCODED, path, samples, length)
    with np.load(path) as content:
        return {name: np.asarray(content[name], dtype=np.float64) for name in content}
