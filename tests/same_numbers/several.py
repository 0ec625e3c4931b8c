"""What is neither a pair nor a grid: streams, curves, ceilings, dissimilarities, spectra, files."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import methexis as mx
from methexis.measures import dropin
from tests.same_numbers.pairs import related
from tests.same_numbers.plain import outcome, plain

STREAMED = [
    "cka",
    "rv",
    "procrustes",
    "procrustes_distance",
    "procrustes_size",
    "bures",
    "bures_distance",
    "cca",
    "svcca",
    "pwcca",
    "gulp",
    "linear_predictivity",
    "mutual_knn",  # refused
]
DATA = Path(__file__).resolve().parents[1] / "data"


def streams() -> dict[str, Any]:
    """One pass over arrays, over files and over mapped files, in blocks."""
    x, y = related(500, 6, 5, seed=11)
    measures = mx.measures
    several: list[Any] = [
        measures.CKA(),
        measures.CKA(debiased=True),
        measures.CKA(debiased=True, estimator="lange"),
        measures.RV(modified=True),
        measures.HSIC(kernel="linear"),
        measures.HSIC(kernel="linear", debiased=True),
        measures.Procrustes(alpha=0.5),
    ]

    def streamed(a: Any, b: Any, wanted: Any, **settings: Any) -> Any:
        def result() -> Any:
            found = measures.stream(a, b, wanted, **settings)
            return {
                "scores": found.scores,
                "n": found.n,
                "d": found.d,
                "chances": found.chances,
                "text": str(found),
            }

        return outcome(result)

    found = {name: streamed(x, y, name) for name in STREAMED}
    found["several"] = streamed(x, y, several)
    with TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "x.npy", x)
        np.save(folder / "y.npy", y.astype(np.float32))
        paths = folder / "x.npy", folder / "y.npy"
        found["files"] = streamed(*paths, several, memory="1 MiB")
        mapped = [np.load(path, mmap_mode="r") for path in paths]
        found["mapped"] = streamed(*mapped, several)
    return found


def curves() -> dict[str, Any]:
    """Mutual kNN over numbers of samples and of neighbours."""
    x, y = related(160, 6, 5, seed=12)
    curve = mx.measures.neighbour_curve
    return {
        "defaults": outcome(lambda: curve(x, y, num_subsets=8).as_dict()),
        "text": outcome(lambda: str(curve(x, y, num_subsets=8))),
        "options": outcome(
            lambda: curve(
                x,
                y,
                ks=[3, 12],
                ns=[160, 90, 50],
                metric="euclidean",
                preprocessing="prh",
                num_subsets=6,
                confidence=0.9,
                seed=4,
            ).as_dict()
        ),
        "refused": outcome(lambda: curve(x, y, ks=[500])),
    }


def ceilings() -> dict[str, Any]:
    """Several subjects, by every comparison of dissimilarities."""
    x, _ = related(12, 4, 5, seed=13)
    rng = np.random.default_rng(14)
    true = mx.measures.rdm(x).condensed
    recorded = true + rng.normal(size=(6, len(true)))
    found: dict[str, Any] = {}
    for comparison in (
        *("pearson", "spearman", "cosine", "whitened_cosine", "whitened_correlation"),
        *("tau_a", "tau_b", "manhattan"),
    ):
        found[f"ceiling, {comparison}"] = outcome(
            lambda c=comparison: mx.measures.noise_ceiling(recorded, c)
        )
        found[f"group, {comparison}"] = outcome(
            lambda c=comparison: mx.measures.compare_group(
                x, recorded, c, num_permutations=19, num_bootstrap=19, dissimilarity="squared"
            ).as_dict()
        )
    found["refused"] = outcome(lambda: mx.measures.noise_ceiling(recorded[:2]))
    return found


def dissimilarities() -> dict[str, Any]:
    """RDMs of features and of repeated measurements, and comparisons of them."""
    x, y = related(24, 7, 5, seed=15)
    rng = np.random.default_rng(16)
    conditions = [f"c{i}" for i in range(8)] * 6
    partitions = np.repeat(np.arange(3), 16).tolist()
    noise = rng.normal(size=(48, 5)) @ rng.normal(size=(5, 5))
    measurements = np.tile(rng.normal(size=(8, 5)), (6, 1)) + noise
    measures = mx.measures
    found: dict[str, Any] = {
        f"rdm, {kind}": outcome(lambda k=kind: measures.rdm(x, k))
        for kind in ("euclidean", "squared", "correlation", "cosine", "manhattan")
    }
    left, freedom = measures.residuals(measurements, conditions, partitions)
    found["residuals"] = plain([left, freedom])
    for shrinkage in ("ledoit_wolf", "diagonal", "none"):
        found[f"noise, {shrinkage}"] = outcome(
            lambda s=shrinkage: measures.noise_covariance(left, s, degrees_of_freedom=freedom)
        )
    covariance, _ = measures.noise_covariance(left)
    found["crossnobis"] = outcome(
        lambda: measures.crossnobis(measurements, conditions, partitions, covariance)
    )
    found["crossnobis, plain"] = outcome(
        lambda: measures.crossnobis(measurements, conditions, partitions)
    )
    found["mahalanobis"] = outcome(lambda: measures.mahalanobis(measurements[:9], covariance))
    one, other = measures.rdm(x, "correlation"), measures.rdm(y)
    for measure in ("rsa", "rsa_whitened", "rsa_kendall", "cka"):
        found[f"compare, {measure}"] = outcome(
            lambda m=measure: mx.compare(one, other, m, num_permutations=19, num_bootstrap=19)
        )
        found[f"compare with features, {measure}"] = outcome(
            lambda m=measure: mx.compare(x, other, m, num_permutations=19, num_bootstrap=19)
        )
    found["whitened by noise"] = outcome(
        lambda: measures.rsa_whitened(one, other, noise=np.eye(24) + 0.1)
    )
    found["bent"] = outcome(lambda: measures.RDM(np.triu(np.ones((5, 5)), 1)))
    return found


def spectra() -> dict[str, Any]:
    """Functions of one representation, and moments of two in one pass."""
    x, y = related(80, 30, 20, seed=17)
    measures = mx.measures
    parts = []
    for rows in (slice(0, 30), slice(30, 80)):
        a, b = x[rows], y[rows]
        sums = a.sum(axis=0), b.sum(axis=0), a.T @ a, b.T @ b, a.T @ b
        parts.append(measures.SecondMoments.from_sums(len(a), *sums, xp=np))
    moments = parts[0].merged(parts[1])
    return {
        "eigenspectrum": plain(measures.eigenspectrum(x)),
        "participation_ratio": plain(measures.participation_ratio(x)),
        "effective_rank": plain([measures.effective_rank(x, variances=v) for v in (False, True)]),
        "power_law": plain(measures.power_law(x)),
        "power_law, window": plain(measures.power_law(x, first=2, last=20)),
        "power_law, refused": outcome(lambda: measures.power_law(x, first=20, last=21)),
        "spectral_bound": plain(measures.spectral_bound(x, y)),
        "moments": plain([moments.num_samples, moments.mean_x, moments.xx, moments.xy]),
    }


def planted() -> dict[str, Any]:
    """Pairs of known alignment, by cause."""
    found: dict[str, Any] = {}
    for cause in mx.measures.CAUSES:
        pair = mx.measures.planted_pair(cause, 0.6, seed=2, background=0.1)
        x, y = pair.samples(20, seed=3)
        found[cause] = plain([pair.alignment, pair.map_a, pair.map_b, pair.offset_b, x, y])
    found["refused"] = outcome(lambda: mx.measures.planted_pair("gravity", 0.5))
    return found


def dropins() -> dict[str, Any]:
    """Functions with the argument names of others."""
    x, y = related(40, 8, 12, seed=18)
    x, y = (a / np.linalg.norm(a, axis=1, keepdims=True) for a in (x, y))
    layers = [x[:, :4], x]
    found = {
        name: outcome(lambda n=name: getattr(dropin, n)(x, y, topk=6))
        for name in ("mutual_knn", "cycle_knn", "lcs_knn", "edit_distance_knn", "cknna")
    }
    return found | {
        "cknna, biased": outcome(lambda: dropin.cknna(x, y, topk=6, unbiased=False)),
        "cknna, counts": outcome(lambda: dropin.cknna(x, y, topk=6, distance_agnostic=True)),
        "cka": outcome(lambda: dropin.cka(x, y)),
        "cka, rbf": outcome(lambda: dropin.cka(x, y, kernel_metric="rbf", rbf_sigma=0.5)),
        "unbiased_cka": outcome(lambda: dropin.unbiased_cka(x, y)),
        "svcca": outcome(lambda: dropin.svcca(x, y, cca_dim=4)),
        "calibrate": outcome(lambda: dropin.calibrate(x, y, "cka", K=40)),
        "calibrate, function": outcome(lambda: dropin.calibrate(x, y, dropin.cka, K=20, seed=1)),
        "calibrate_layers": outcome(
            lambda: dropin.calibrate_layers(layers, [y], "mutual_knn", K=20, agg="mean")
        ),
        "refused": outcome(lambda: dropin.mutual_knn(x, y, topk=40)),
    }


def files() -> dict[str, Any]:
    """Representations from files, and a run that an earlier version saved."""
    x, y = related(12, 4, 3, seed=19)
    teacher = mx.Teacher.random(dim_x=3, dim_y=2, seed=1)
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "layers").mkdir()
        np.save(folder / "layers" / "layer10.npy", x)
        np.save(folder / "layers" / "layer2.npy", y.astype(np.float16))
        np.savez(folder / "both.npz", first=x, second=y)
        tokens = np.random.default_rng(20).normal(size=(6, 5, 3))
        np.save(folder / "tokens.npy", tokens)
        np.save(folder / "line.npy", x[:, 0])
        students = [mx.EDLN.random(teacher, hidden=(4, 3), seed=2)]
        run = mx.train(students, teacher, mx.SGD(lr=0.01), steps=5, engine="reference")
        run.save(folder / "run.zarr")

        def loaded(path: str, **settings: Any) -> Any:
            def result() -> Any:
                found = mx.representations.load(folder / path, **settings)
                return [found.described(), [np.asarray(one.array) for one in found]]

            return _without(outcome(result), str(folder))

        found = {"folder": loaded("layers"), "one of them": loaded("layers", layers="layer1*")}
        found |= {"npz": loaded("both.npz"), "run": loaded("run.zarr", seed=3)}
        for pool in (None, *mx.representations.POOLS, "median"):
            found[f"tokens, {pool}"] = loaded("tokens.npy", pool=pool)
        for path in ("line.npy", "gone.npy"):
            found[path] = loaded(path)
        found["square"] = loaded("layers", dissimilarities=True)
        found["layers refused"] = loaded("layers", layers="block*")
    for old in sorted((DATA / "run_format_1").glob("*.zarr")) or [DATA / "run_format_1"]:
        found[f"old run {old.name}"] = outcome(lambda path=old: mx.open_run(path).data)
    return found


def _without(value: Any, folder: str) -> Any:
    """The same with a word for the folder, whose name changes."""
    if isinstance(value, str):
        return value.replace(folder, "FOLDER")
    if isinstance(value, list):
        return [_without(one, folder) for one in value]
    if isinstance(value, dict):
        return {key: _without(one, folder) for key, one in value.items()}
    return value
