"""A study of several subjects as rsatoolbox computes it, from raw runs to tests between models.

``python benchmarks/measures/peers/rsatoolbox_group.py DATA.npz``, where rsatoolbox is installed,
prints every number as JSON. The file holds ``conditions`` and ``runs`` (a number per measurement),
``measurements_S`` and ``residuals_S`` of each subject S, and ``model_M``, the features of each
model. `tests/docs/test_neuroscience_guide.py` makes one from the guide, and compares.
"""

from __future__ import annotations

import json
import sys
import warnings
from importlib.metadata import version
from typing import Any

warnings.simplefilter("ignore")

import numpy as np  # noqa: E402
from rsatoolbox.data import Dataset  # noqa: E402
from rsatoolbox.data.noise import cov_from_residuals, prec_from_residuals  # noqa: E402
from rsatoolbox.inference import boot_noise_ceiling, eval_fixed  # noqa: E402
from rsatoolbox.model import ModelFixed  # noqa: E402
from rsatoolbox.rdm import RDMs, calc_rdm, compare  # noqa: E402
from rsatoolbox.util.pooling import pool_rdm  # noqa: E402

METHODS = ("corr", "cosine", "spearman", "tau-a", "tau-b", "corr_cov", "cosine_cov")


def numbers(data: Any) -> dict[str, Any]:
    """Every number of the study, by what it is."""
    names = sorted(name for name in data if name.startswith("measurements_"))
    covariances, diagonal, recorded = [], [], []
    for name in names:
        residuals = data[name.replace("measurements", "residuals")]
        covariances.append(cov_from_residuals(residuals, method="shrinkage_eye"))
        diagonal.append(cov_from_residuals(residuals, method="shrinkage_diag"))
        precision = prec_from_residuals(residuals, method="shrinkage_eye")
        rows = Dataset(
            data[name], obs_descriptors={"condition": data["conditions"], "run": data["runs"]}
        )
        recorded.append(
            calc_rdm(rows, "crossnobis", "condition", noise=precision, cv_descriptor="run")
        )
    # Its `concat` compares the noise of subjects, whose numbers of channels differ.
    rdms = RDMs(np.concatenate([one.dissimilarities for one in recorded]))
    models = [
        ModelFixed(name, calc_rdm(Dataset(data[name]), method="euclidean"))
        for name in sorted(name for name in data if name.startswith("model_"))
    ]
    return {
        "rsatoolbox": version("rsatoolbox"),
        "covariances": [one.tolist() for one in covariances],
        "covariances_diagonal": [one.tolist() for one in diagonal],
        "rdms": rdms.dissimilarities.tolist(),
        "mean_rdm": rdms.dissimilarities.mean(axis=0).tolist(),
        "methods": {method: _judged(models, rdms, method) for method in METHODS},
    }


def _judged(models: list[Any], rdms: Any, method: str) -> dict[str, Any]:
    result = eval_fixed(models, rdms, method=method)
    pairs, zero, _ = result.test_all()
    lower = []
    for subject in range(rdms.n_rdm):
        others = [k for k in range(rdms.n_rdm) if k != subject]
        pooled = pool_rdm(rdms.subset("index", others), method=method)
        lower.append(compare(pooled, rdms.subset("index", subject), method)[0, 0])
    return {
        "scores": result.evaluations[0].tolist(),
        "means": result.get_means().tolist(),
        "errors": result.get_sem().tolist(),
        "intervals": np.transpose(result.get_ci(0.95)).tolist(),
        "p_zero": zero.tolist(),
        "p_pairs": pairs.tolist(),
        "ceiling": [float(bound) for bound in boot_noise_ceiling(rdms, method=method)],
        "lower_by_subject": [float(one) for one in lower],
    }


if __name__ == "__main__":
    with np.load(sys.argv[1]) as given:
        print(json.dumps(numbers(dict(given))))
