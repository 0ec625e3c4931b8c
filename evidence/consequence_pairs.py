"""Pairs of representations for `evidence.consequences`, drawn, trained, and of real models.

*planted*: `methexis.measures.planted`, each cause at three strengths, with background noise.
*networks*: deep linear networks that this package trains, six per teacher, which differ in what
breaks the theorem's conditions: the sampling, weight decay, the length of training, the view, or
none of it; and one that is not trained. *digits*, *images*, *glosses* and *words*: layers of
PyTorch models and vectors of words, from the files of `examples.real_models`.

A pair names two *models*. Pairs that have one in common are not independent; nor are those of one
teacher, or of a network and the weights that it began with, which go by one name here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import methexis as mx
from methexis.core.checks import Array
from methexis.core.layers.geometry import align_maps
from methexis.measures.planted import CAUSES, planted_pair

NUM_SEEDS, NUM_TEACHERS = 5, 8
STRENGTHS, BACKGROUND = (0.25, 0.5, 1.0), 0.2
#: How models of one teacher come to be: student, steps, batch, sampling, learning rate, decay.
TRAINED: dict[str, tuple[int, int, int, str, float, float]] = {
    "sgd": (0, 50_000, 1, "online", 1e-3, 0.0),
    "sgd, another architecture": (1, 50_000, 1, "online", 1e-3, 0.0),
    "weight decay": (0, 20_000, 8, "online", 2e-3, 1e-2),
    "full batches": (1, 20_000, 8, "full", 2e-3, 0.0),
    "short": (0, 200, 8, "online", 2e-3, 0.0),
    "untrained": (1, 1, 8, "online", 1e-9, 0.0),
}
HIDDEN = ((32, 24), (20, 40, 28))
#: Layers of one depth, of the files of digits; and of images and texts.
MLP, CNN = ("1", "3", "5", "6"), ("3", "6", "9", "10")
DIGIT_SEEDS = (0, 1, 2)


@dataclass(frozen=True, eq=False)
class Pair:
    """Two representations of the same samples.

    Attributes
    ----------
    models : (str, str)
        By which pairs are dependent.
    kinds : tuple of str
        What may mislead a score: "untrained", "ancestry", "same model".
    truth : float
        Alignment of the population, NaN where nobody knows it.
    """

    names: tuple[str, str]
    models: tuple[str, str]
    kinds: tuple[str, ...]
    x: Array
    y: Array
    truth: float = float("nan")


def planted(num_samples: int, seed: int) -> Iterator[Pair]:
    """Pairs with one planted cause each."""
    for number in range(NUM_SEEDS):
        for cause in CAUSES:
            for strength in (1.0,) if cause in ("nothing", "offset") else STRENGTHS:
                made = planted_pair(cause, strength, seed=seed + number, background=BACKGROUND)
                x, y = made.samples(num_samples, seed=seed + number)
                names = f"seed {number}", f"{cause} {strength:g}"
                models = f"seed {number}", f"seed {number}"
                yield Pair(names, models, (), x, y, made.alignment)


def networks(num_samples: int, seed: int) -> Iterator[Pair]:
    """Pairs of deep linear networks, trained apart on one teacher."""
    for number in range(NUM_TEACHERS):
        teacher = mx.Teacher.random(dim_x=24, dim_y=16, rank=12, seed=seed + number)
        inputs = teacher.samples(num_samples, seed=seed + number).x
        units = np.eye(24)
        rows, maps = {}, {}
        for place, (name, way) in enumerate(TRAINED.items()):
            student, steps, batch, sampling, lr, decay = way
            made = mx.EDLN.random(teacher, hidden=HIDDEN[student], seed=100 * number + place)
            run = mx.train(
                made,
                teacher,
                mx.SGD(lr=lr, weight_decay=decay),
                steps=steps,
                batch=batch,
                sampling=sampling,
                init=mx.init.gaussian(scale=1.0),
                replicas=1,
                seed=1000 * number + place,
                record=[0, steps],
                progress=False,
            )
            rows[name] = run.activations(inputs, layer=len(HIDDEN[student]))
            maps[name] = run.activations(units, layer=len(HIDDEN[student])).T
        for a, b in _pairs_of(list(TRAINED)):
            truth = align_maps(maps[a], maps[b], teacher.cov_x).cosine
            kinds = ("untrained",) if "untrained" in (a, b) else ()
            models = f"teacher {number}", f"teacher {number}"
            yield Pair((a, b), models, kinds, rows[a], rows[b], truth)


def digits(folder: Path) -> Iterator[Pair]:
    """Layers of classifiers of digits: perceptrons and convolutional networks of three seeds."""
    layers: dict[tuple[str, int], list[Array]] = {}
    for seed in DIGIT_SEEDS:
        for name, wanted in (("mlp", MLP), ("cnn", CNN), ("mlp-untrained", MLP)):
            with np.load(folder / f"digits-{seed}" / f"{name}.npz") as file:
                layers[name, seed] = [file[one] for one in wanted]
    with np.load(folder / "digits-0" / "pixels.npz") as file:
        pixels = file["pixels"]
    for a, b in _pairs_of(list(layers)):
        untrained = [one[0].endswith("untrained") for one in (a, b)]
        kinds = ("untrained",) * any(untrained)
        if a[1] == b[1] and {a[0], b[0]} == {"mlp", "mlp-untrained"}:
            kinds += ("ancestry",)
        models = _network(a), _network(b)
        for depth in range(len(MLP)):
            names = tuple(f"{name} {seed}, depth {depth + 1}" for name, seed in (a, b))
            yield Pair((names[0], names[1]), models, kinds, layers[a][depth], layers[b][depth])
    for one, rows in layers.items():
        kinds = ("untrained",) * one[0].endswith("untrained")
        names = "pixels", f"{one[0]} {one[1]}, depth 1"
        yield Pair(names, ("pixels", _network(one)), kinds, pixels, rows[0])


def _network(one: tuple[str, int]) -> str:
    """A network and the weights that it began with are one."""
    return f"{one[0].removesuffix('-untrained')} {one[1]}"


def images(folder: Path) -> Iterator[Pair]:
    """Layers of one depth of two classifiers of images, and of one of them untrained."""
    models = ("lite0", "lite1", "lite0-untrained")
    files = {name: _layers(folder / "images" / f"{name}.npz") for name in models}
    for a, b in _pairs_of(list(models)):
        kinds = ("untrained",) * ("lite0-untrained" in (a, b))
        for depth, (x, y) in enumerate(zip(files[a].values(), files[b].values(), strict=True)):
            names = f"{a}, depth {depth + 1}", f"{b}, depth {depth + 1}"
            yield Pair(names, (a, b), kinds, x, y)


def glosses(folder: Path) -> Iterator[Pair]:
    """Layers of MiniLM, of its architecture untrained, and of a smaller one made of it."""
    large, fresh, small = (
        _layers(folder / "minilm" / f"{name}.npz")
        for name in ("minilm", "minilm-untrained", "minilm-l3")
    )
    for k in range(7):
        name = _state(k)
        names = f"MiniLM {name}", f"untrained {name}"
        yield Pair(names, ("MiniLM", "untrained"), ("untrained",), large[name], fresh[name])
    for k in range(5):
        one, other = _state(k), _state(k + 2)
        names = f"MiniLM {one}", f"MiniLM {other}"
        yield Pair(names, ("MiniLM", "MiniLM"), ("same model",), large[one], large[other])
        names = f"untrained {one}", f"untrained {other}"
        kinds = "untrained", "same model"
        yield Pair(names, ("untrained", "untrained"), kinds, fresh[one], fresh[other])
    for k in range(1, 4):
        one, other = _state(k), _state(2 * k)
        names = f"L3 {one}", f"MiniLM {other}"
        yield Pair(names, ("L3", "MiniLM"), ("ancestry",), small[one], large[other])
        names = f"L3 {one}", f"untrained {other}"
        yield Pair(names, ("L3", "untrained"), ("untrained",), small[one], fresh[other])


def words(folder: Path) -> Iterator[Pair]:
    """Vectors of words, and what MiniLM makes of each word, trained and not."""
    vectors = _layers(folder / "glove" / "glove.npz")["vectors"]
    for name, model in (("minilm-words", "MiniLM"), ("minilm-words-untrained", "untrained")):
        for layer, rows in _layers(folder / "glove" / f"{name}.npz").items():
            kinds = ("untrained",) * (model == "untrained")
            yield Pair(("GloVe", f"{model} {layer}"), ("GloVe", model), kinds, vectors, rows)


def _state(k: int) -> str:
    return f"layer{k}" if k else "embedding"


def _layers(path: Path) -> dict[str, Array]:
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def _pairs_of(items: list[Any]) -> Iterator[tuple[Any, Any]]:
    for k, one in enumerate(items):
        for other in items[k + 1 :]:
            yield one, other
