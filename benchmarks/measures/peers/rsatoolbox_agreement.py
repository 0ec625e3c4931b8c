"""How far rsatoolbox is from ours, for all that both compute.

``python -m benchmarks.measures.peers.rsatoolbox_agreement``, where both packages are installed,
compares scores, distances, noise covariances and noise ceilings, and fails if any differs by more
than 1e-6. Noise ceilings of the whitened comparisons are not compared: there rsatoolbox averages
RDMs of equal plain length, ours are of equal whitened length, without which a model can beat them.
"""

from __future__ import annotations

import warnings
from importlib.metadata import version
from typing import Any

import numpy as np
from rsatoolbox.data import Dataset
from rsatoolbox.data.noise import cov_from_residuals, prec_from_residuals
from rsatoolbox.inference import boot_noise_ceiling
from rsatoolbox.rdm import RDMs, calc_rdm, compare

from benchmarks.measures.peers.rsatoolbox_peer import COMPARISONS, PEERS, distances
from methexis import measures as ours

TOLERANCE = 1e-6


def differences() -> dict[str, float]:
    """Largest difference between its numbers and ours, by what was computed."""
    rng = np.random.default_rng(0)
    found: dict[str, float] = {}

    def own(x: Any, y: Any, kind: str, how: str) -> float:
        if how.startswith("whitened"):
            return ours.rsa_whitened(x, y, kind, how.removeprefix("whitened_"))
        if how.startswith("tau"):
            return ours.rsa_kendall(x, y, kind, how[-1])
        return ours.rsa(x, y, kind, how)

    shapes = ((40, 6, 5), (15, 30, 60), (120, 20, 3))
    pairs = []
    for n, dx, dy in shapes:
        shared = rng.normal(size=(n, 3))
        pairs.append(
            tuple(shared @ rng.normal(size=(3, d)) + rng.normal(size=(n, d)) for d in (dx, dy))
        )
    # Ties: its distances between integers are exact, its correlations of them are not.
    tied = tuple(rng.integers(0, 4, size=(30, d)).astype(np.float64) for d in (4, 5))
    for name, peer in PEERS.items():
        kind, how = name.split("/")
        cases = pairs if kind == "correlation" else [*pairs, tied]
        found[name] = max(abs(peer(x, y) - own(x, y, kind, how)) for x, y in cases)

    noise = rng.normal(size=(15, 15))
    noise = noise @ noise.T / 15 + np.eye(15)
    for how in ("cosine", "correlation"):
        one, two = (distances(v, "squared") for v in pairs[1])
        method = {"cosine": "cosine_cov", "correlation": "corr_cov"}[how]
        peer = compare(one, two, method=method, sigma_k=noise)[0, 0]
        mine = ours.rsa_whitened(*pairs[1], "squared", how, noise=noise)
        found[f"squared/whitened_{how} with noise covariance"] = abs(peer - mine)

    x = rng.normal(size=(60, 8)) + np.tile(rng.normal(size=(10, 8)), (6, 1))
    conditions, partitions = np.tile(np.arange(10), 6), np.repeat(np.arange(3), 20)
    left, freedom = ours.residuals(x, conditions, partitions)
    for mine, peer in (
        ("ledoit_wolf", "shrinkage_eye"),
        ("diagonal", "shrinkage_diag"),
        ("none", "full"),
    ):
        covariance, _ = ours.noise_covariance(left, mine, degrees_of_freedom=freedom)
        other = cov_from_residuals(left, dof=freedom, method=peer)
        found[f"noise covariance, {mine}"] = float(np.abs(covariance - other).max())
    covariance, _ = ours.noise_covariance(left, degrees_of_freedom=freedom)
    precision = prec_from_residuals(left, dof=freedom, method="shrinkage_eye")
    data = Dataset(x, obs_descriptors={"condition": conditions, "partition": partitions})
    crossed = calc_rdm(data, "crossnobis", "condition", precision, cv_descriptor="partition")
    mine = ours.crossnobis(x, conditions, partitions, covariance).condensed / 8
    found["crossnobis"] = float(np.abs(crossed.dissimilarities[0] - mine).max())
    plain = calc_rdm(Dataset(x[:10]), "mahalanobis", noise=precision).dissimilarities[0]
    mine = ours.mahalanobis(x[:10], covariance).condensed / 8
    found["mahalanobis"] = float(np.abs(plain - mine).max())

    true = rng.normal(size=45) + 10.0
    stack = true + rng.normal(size=(7, 45))
    for mine, peer in COMPARISONS.items():
        if not mine.startswith("whitened"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of ranks averaged for tau, as in ours
                bounds = boot_noise_ceiling(RDMs(stack), method=peer)
            ceiling = ours.noise_ceiling(stack, mine)
            found[f"noise ceiling, {mine}"] = float(
                np.abs(np.array([ceiling.lower, ceiling.upper]) - np.array(bounds)).max()
            )
    return found


def main() -> int:
    """Print every difference; 1 if one is above the tolerance."""
    found = differences()
    print(f"rsatoolbox {version('rsatoolbox')}, largest differences:")
    for name, difference in found.items():
        print(f"{name:48} {difference:.1e}{'' if difference <= TOLERANCE else '  <- differs'}")
    return int(any(difference > TOLERANCE for difference in found.values()))


if __name__ == "__main__":
    raise SystemExit(main())
