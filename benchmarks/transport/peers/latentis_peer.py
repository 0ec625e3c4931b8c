"""The translators of latentis, as it puts them together, from build/transport.

All of them standardise the features of both sides by the pairs, in which units their predictions
are compared here, and pad the narrower side with zeros. `ortho` is its own `Procrustes`; `linear`
is least squares, and `l-ortho` the polar factor of that. Its `affine`, gradient descent towards
least squares, is left out: it costs ten times as much, and with the 300 steps that it has by
default it found less. What latentis has for relative representations asks for faiss and lightning.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from latentis.transform.base import StandardScaling
from latentis.transform.dim_matcher import ZeroPadding
from latentis.transform.translate import MatrixAligner, Procrustes, Translator
from latentis.transform.translate.functional import lstsq_align_state, lstsq_ortho_align_state


def put_together(aligner: Any) -> Any:
    """A translator as `Procrustes` puts it together, with another aligner."""
    return Translator(
        aligner=aligner,
        x_transform=StandardScaling(),
        y_transform=StandardScaling(),
        dim_matcher=ZeroPadding(),
    )


TRANSLATORS: dict[str, Callable[[], Any]] = {
    "latentis ortho": Procrustes,
    "latentis l-ortho": lambda: put_together(MatrixAligner("l-ortho", lstsq_ortho_align_state)),
    "latentis linear": lambda: put_together(MatrixAligner("linear", lstsq_align_state)),
}


def ways() -> dict[str, Callable[..., tuple[Any, Any]]]:
    """Each as what takes pairs, and rows to be matched, to rows that are compared by cosine."""
    return {name: _way(make) for name, make in TRANSLATORS.items()}


def _way(make: Callable[[], Any]) -> Callable[..., tuple[Any, Any]]:
    def compared(x: Any, y: Any, new_x: Any, new_y: Any) -> tuple[Any, Any]:
        translator = make().fit(*(torch.from_numpy(one.astype(np.float32)) for one in (x, y)))
        with torch.no_grad():
            predicted, _ = translator.transform(torch.from_numpy(new_x.astype(np.float32)))
        mean, size = y.mean(axis=0), y.std(axis=0)
        return (predicted.numpy().astype(np.float64) - mean) / size, (new_y - mean) / size

    return compared
