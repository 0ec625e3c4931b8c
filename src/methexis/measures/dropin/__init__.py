"""Functions with the argument names that scripts already have, and the numbers they had.

Two sets of names are in use for the Platonic representation hypothesis: the metrics of platonic-rep
[1]_ (``mutual_knn(feats_A, feats_B, topk=10)`` and the like), and ``calibrate(X, Y, sim, K=…,
alpha=…)`` of calibrated-similarity [2]_, in
`dropin.calibrated_similarity`. A script changes its import and nothing else::

    from methexis.measures import dropin as metrics

Neighbours are those with the largest inner products, without the sample itself, so features are to
be scaled to rows of length one before, as their script does. Everything is computed in double
precision. The definitions are theirs to the constant: `cka` and `cknna` add ``1e-6`` to what they
divide by, which moves scores of features with small products, and `svcca` adds ``1e-8`` to standard
deviations, so that constant features become zero; the measures of `methexis.measures` do neither.

Where this is not the same number: `svcca` is exact here, there it rests on a randomised
decomposition and an iterative fit; ties between equally near neighbours go to the first here and to
any there; and ``cknna(distance_agnostic=True)``, which raises there.

References
----------
.. [1] M. Huh, B. Cheung, T. Wang, P. Isola, The Platonic Representation Hypothesis,
   arXiv:2405.07987; github.com/minyoungg/platonic-rep
.. [2] F. Gröger, S. Wen, M. Brbić, Revisiting the Platonic Representation Hypothesis: An
   Aristotelian View, 2026; pypi.org/project/calibrated-similarity
"""

from methexis import lazy as _lazy
from methexis.measures.dropin.calibrated_similarity import Calibrated, calibrate, calibrate_layers
from methexis.measures.dropin.platonic_rep import (
    cka,
    cknna,
    cycle_knn,
    edit_distance_knn,
    lcs_knn,
    mutual_knn,
    svcca,
    unbiased_cka,
)

__all__ = [
    "Calibrated",
    "calibrate",
    "calibrate_layers",
    "cka",
    "cknna",
    "cycle_knn",
    "edit_distance_knn",
    "lcs_knn",
    "mutual_knn",
    "svcca",
    "unbiased_cka",
]
__dir__ = _lazy.listed(__all__)
