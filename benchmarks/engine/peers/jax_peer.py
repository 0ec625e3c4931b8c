"""JAX at a point, at its best: ``vmap`` and ``scan``, jitted, warmed up, weights donated.

What is fastest depends on shapes, on versions and on the machine, so it is searched for where it is
measured (`Search`): first the formulation with one way of drawing, then, for the best two
formulations, how to draw and how often to unroll. With ``METHEXIS_JAX=tuned`` in the environment
the networks are also split over as many devices of the host as there are threads (``shard_map``,
each device with a scan of its own), and a compiler flag helps short scans (see ``specs.py``).

Normals are drawn by ``jax.random.normal`` in the run's precision, or by the Box–Muller formula from
32-bit words as our engines do. Drawing them in float32 for a float64 run is faster and not the same
law (23-bit uniforms); it is timed for information and never chosen.
"""

from __future__ import annotations

import itertools
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as Axes

TUNED = os.environ.get("METHEXIS_JAX") == "tuned"
#: Seconds of one measurement of one variant in the search, and how many are made.
SEARCH_SECONDS, SEARCH_ROUNDS = 0.06, 3
#: Operations that one call of the compiled function should contain, to hide the cost of the call.
CALL_FLOPS = 1e8
#: Steps drawn at once where normals are drawn in blocks.
BLOCK = 64
NORMAL_BYTES = 2**25  # at most, of a block

State = Any  # a list of arrays
Step = Callable[[State, Any], State]


@dataclass(frozen=True)
class Variant:
    """A way to write the same computation.

    Attributes
    ----------
    form : str
        One of `LINEAR_FORMS` or `DIGITS_FORMS`.
    draw : str
        ``step`` (inside the scan) or ``block`` (before it, for many steps at once); of digits, how
        an order is made.
    normal : str
        ``native``, ``box-muller`` or ``float32``.
    prng : str
        Generator.
    unroll : int
        Of the scan.
    """

    form: str
    draw: str = "step"
    normal: str = "native"
    prng: str = "threefry2x32"
    unroll: int = 1
    devices: int = 1

    @property
    def last(self) -> bool:
        """Whether the network is the last axis."""
        return self.form.endswith("network last")

    def __str__(self) -> str:
        split = f", {self.devices} devices" if self.devices > 1 else ""
        normal = "" if self.normal == "native" else f", {self.normal} normals"
        return f"{self.form}; draw by {self.draw}, {self.prng}{normal}, unroll {self.unroll}{split}"


class Case(NamedTuple):
    """A case with its arrays (see `benchmarks.engine.points`)."""

    settings: dict[str, Any]
    arrays: dict[str, np.ndarray]

    @property
    def dtype(self) -> Any:
        return jnp.dtype(self.settings["dtype"])

    def array(self, name: str) -> jax.Array:
        return jnp.asarray(self.arrays[name], self.dtype)

    def weights(self) -> list[np.ndarray]:
        return [self.arrays[f"w{i}"] for i in range(self.settings["depth"])]


# Linear networks. A form gives the axes of z, without the network, and the step.

LINEAR_FORMS = (
    "autodiff, network first",
    "autodiff, network last",
    "products of rows, network first",
    "products of columns, network first",
    "sums, network last",
)


def linear_step(case: Case, variant: Variant) -> tuple[Callable[[int], tuple[int, ...]], Step]:
    """Shape of a step's normals for so many networks, and the step."""
    settings = case.settings
    lr, batch = settings["lr"], settings["batch"]
    inputs, labels, curvature = map(case.array, ("inputs", "labels", "curvature"))
    num_x, width = inputs.shape[1], labels.shape[1]
    if variant.form.startswith("autodiff"):

        def loss(weights: State, z: jax.Array) -> jax.Array:  # of one network, z (batch, width)
            h = z[:, :num_x] @ inputs.T
            for w in weights:
                h = h @ w.T
            return jnp.sum(h * (0.5 * (h @ curvature) - z @ labels.T))

        axis = -1 if variant.last else 0
        gradient = jax.vmap(jax.grad(loss), in_axes=(axis, axis), out_axes=axis)

        def by_autodiff(weights: State, z: jax.Array) -> State:
            return [w - lr * g for w, g in zip(weights, gradient(weights, z), strict=True)]

        return lambda n: (batch, width, n) if variant.last else (n, batch, width), by_autodiff

    if variant.form.startswith("products of rows"):
        split = lambda z: (z[..., :num_x] @ inputs.T, z @ labels.T)
        forward = lambda w, h: jnp.einsum("noi,nbi->nbo", w, h)
        backward = lambda w, g: jnp.einsum("noi,nbo->nbi", w, g)
        outer = lambda g, h: jnp.einsum("nbo,nbi->noi", g, h)
        curve = lambda h: h @ curvature
        shape = lambda n: (n, batch, width)
    elif variant.form.startswith("products of columns"):
        split = lambda z: (inputs @ z[:, :num_x], labels @ z)
        forward = lambda w, h: w @ h
        backward = lambda w, g: w.mT @ g
        outer = lambda g, h: g @ h.mT
        curve = lambda h: curvature @ h
        shape = lambda n: (n, width, batch)
    else:  # elementwise products and sums, networks along the vectors of the machine
        split = lambda z: (
            jnp.einsum("ix,bxn->bin", inputs, z[:, :num_x]),
            jnp.einsum("oz,bzn->bon", labels, z),
        )
        forward = lambda w, h: (w[None] * h[:, None]).sum(2)
        backward = lambda w, g: (w[None] * g[:, :, None]).sum(1)
        outer = lambda g, h: (g[:, :, None] * h[:, None]).sum(0)
        curve = lambda h: jnp.einsum("oi,bin->bon", curvature, h)
        shape = lambda n: (batch, width, n)

    def by_hand(weights: State, z: jax.Array) -> State:
        first, pulled = split(z)
        hidden = [first]
        for w in weights:
            hidden.append(forward(w, hidden[-1]))
        signal = curve(hidden[-1]) - pulled
        new = []
        for i in reversed(range(len(weights))):
            g = outer(signal, hidden[i])
            if i:
                signal = backward(weights[i], signal)
            new.append(weights[i] - lr * g)
        return new[::-1]

    return shape, by_hand


def normals(key: jax.Array, shape: tuple[int, ...], kind: str, dtype: Any) -> jax.Array:
    """Standard normals."""
    if kind == "native":
        return jax.random.normal(key, shape, dtype)
    if kind == "float32":
        return jax.random.normal(key, shape, jnp.float32).astype(dtype)
    words = jax.random.bits(key, (2, math.prod(shape) // 2), jnp.uint32)
    u, v = (words.astype(dtype) + 0.5) * jnp.asarray(2.0**-32, dtype)
    radius, angle = jnp.sqrt(-2.0 * jnp.log(u)), 2.0 * math.pi * v
    return jnp.concatenate([radius * jnp.cos(angle), radius * jnp.sin(angle)]).reshape(shape)


def linear_run(case: Case, variant: Variant, networks: int, num_steps: int) -> Any:
    """``run(weights, key)``: so many steps, a multiple of `BLOCK`."""
    shape_of, step = linear_step(case, variant)
    shape = shape_of(networks)
    draw = partial(normals, kind=variant.normal, dtype=case.dtype)
    block = max(1, min(BLOCK, NORMAL_BYTES // (8 * math.prod(shape))))
    block = 1 << (block.bit_length() - 1)

    def by_step(weights: State, key: jax.Array) -> State:
        def body(weights: State, t: jax.Array) -> tuple[State, None]:
            return step(weights, draw(jax.random.fold_in(key, t), shape)), None

        return lax.scan(body, weights, jnp.arange(num_steps), unroll=variant.unroll)[0]

    def by_block(weights: State, key: jax.Array) -> State:
        def body(weights: State, t: jax.Array) -> tuple[State, None]:
            z = draw(jax.random.fold_in(key, t), (block, *shape))
            inner = lambda weights, z: (step(weights, z), None)
            return lax.scan(inner, weights, z, unroll=min(variant.unroll, block))[0], None

        return lax.scan(body, weights, jnp.arange(num_steps // block))[0]

    return by_step if variant.draw == "step" else by_block


# The classifier of digits.

DIGITS_FORMS = (
    "autodiff, network first",
    "autodiff, network last",
    "products of rows, network first",
    "products of columns, network first",
)


def digits_step(case: Case, variant: Variant) -> Callable[[State, jax.Array, jax.Array], State]:
    """``step(state, x, y)`` with the state a list of (weights, bias)."""
    lr, scale = case.settings["lr"], 1.0 / case.settings["batch"]
    move = lambda state, gradient: jax.tree.map(lambda p, g: p - lr * g, state, gradient)
    if variant.form.startswith("autodiff"):

        def loss(state: State, x: jax.Array, y: jax.Array) -> jax.Array:
            h = x
            for k, (w, b) in enumerate(state):
                h = h @ w.T + b
                if k < len(state) - 1:
                    h = jax.nn.relu(h)
            return -scale * jnp.sum(y * jax.nn.log_softmax(h))

        axis = -1 if variant.last else 0
        gradient = jax.vmap(jax.grad(loss), in_axes=axis, out_axes=axis)
        return lambda state, x, y: move(state, gradient(state, x, y))

    columns = variant.form.startswith("products of columns")
    if columns:
        forward = lambda w, b, h: w @ h + b[:, :, None]
        backward = lambda w, g: w.mT @ g
        outer = lambda g, h: (g @ h.mT, g.sum(-1))
    else:
        forward = lambda w, b, h: jnp.einsum("noi,nbi->nbo", w, h) + b[:, None]
        backward = lambda w, g: jnp.einsum("noi,nbo->nbi", w, g)
        outer = lambda g, h: (jnp.einsum("nbo,nbi->noi", g, h), g.sum(1))

    def by_hand(state: State, x: jax.Array, y: jax.Array) -> State:
        hidden = [x.mT if columns else x]
        for k, (w, b) in enumerate(state):
            u = forward(w, b, hidden[-1])
            hidden.append(jnp.maximum(u, 0.0) if k < len(state) - 1 else u)
        share = jax.nn.softmax(hidden[-1], axis=1 if columns else 2)
        signal = scale * (share - (y.mT if columns else y))
        gradient = []
        for k in reversed(range(len(state))):
            gradient.append(outer(signal, hidden[k]))
            if k:
                signal = jnp.where(hidden[k] > 0.0, backward(state[k][0], signal), 0.0)
        return move(state, gradient[::-1])

    return by_hand


def digits_run(case: Case, variant: Variant, networks: int, num_steps: int) -> Any:
    """``run(state, key)``: whole epochs, of as many whole batches as there are."""
    x, y = case.array("x"), case.array("y")
    batch, count = case.settings["batch"], len(x)
    per_epoch = count // batch
    step = digits_step(case, variant)

    def order(key: jax.Array) -> jax.Array:
        if variant.draw == "permutation":
            each = jax.random.split(key, networks)
            return jax.vmap(lambda k: jax.random.permutation(k, count))(each)
        if variant.draw == "argsort":
            return jnp.argsort(jax.random.bits(key, (networks, count), jnp.uint32), axis=1)
        grid = jnp.broadcast_to(jnp.arange(count, dtype=jnp.int32), (networks, count))
        return jax.random.permutation(key, grid, axis=1, independent=True)

    def epoch(state: State, key: jax.Array) -> State:
        rows = order(key)[:, : per_epoch * batch].reshape(networks, per_epoch, batch)

        def body(state: State, index: jax.Array) -> tuple[State, None]:
            xs, ys = x[index], y[index]
            if variant.last:
                xs, ys = jnp.moveaxis(xs, 0, -1), jnp.moveaxis(ys, 0, -1)
            return step(state, xs, ys), None

        return lax.scan(body, state, rows.swapaxes(0, 1), unroll=variant.unroll)[0]

    def run(state: State, key: jax.Array) -> State:
        body = lambda state, t: (epoch(state, jax.random.fold_in(key, t)), None)
        return lax.scan(body, state, jnp.arange(num_steps // per_epoch))[0]

    return run


# Compiling and choosing.


class Compiled:
    """A variant, compiled and ready to be run."""

    def __init__(self, case: Case, variant: Variant) -> None:
        settings = case.settings
        networks = settings["networks"]
        wanted = CALL_FLOPS / (settings["flops"] * networks)
        unit = BLOCK
        if settings["kind"] == "digits":
            unit = len(case.arrays["x"]) // settings["batch"]
        self.num_steps = unit * max(1, int(wanted / unit))
        build = linear_run if settings["kind"] == "linear" else digits_run
        run = build(case, variant, networks // variant.devices, self.num_steps)
        weights = case.weights()
        state: State = weights
        if settings["kind"] == "digits":
            state = [(w[..., :-1], w[..., -1]) for w in weights]
        move = (lambda a: np.moveaxis(a, 0, -1)) if variant.last else (lambda a: a)
        state = jax.tree.map(lambda a: jnp.array(move(a), case.dtype), state)
        if variant.devices > 1:
            mesh = Mesh(np.array(jax.devices()[: variant.devices]), ("network",))
            axes = lambda a: Axes(*(None,) * (a.ndim - 1 if variant.last else 0), "network")
            specs = jax.tree.map(axes, state)
            state = jax.tree.map(
                lambda a, s: jax.device_put(a, NamedSharding(mesh, s)), state, specs
            )
            alone = run

            def split(state: State, key: jax.Array) -> State:
                return alone(state, jax.random.fold_in(key, lax.axis_index("network")))

            run = jax.shard_map(
                split, mesh=mesh, in_specs=(specs, Axes()), out_specs=specs, check_vma=False
            )
        seeded = lambda state, key, call: run(state, jax.random.fold_in(key, call))
        self._run = jax.jit(seeded, donate_argnums=0)
        self._key = jax.random.key(0, impl=variant.prng)
        self._calls = itertools.count()
        self._state = state
        self.run(1)  # compile

    def run(self, num_steps: int) -> int:
        """At least so many steps, done when this returns."""
        calls = -(-num_steps // self.num_steps)
        for _ in range(calls):
            self._state = self._run(self._state, self._key, np.uint32(next(self._calls)))
        jax.block_until_ready(self._state)
        return calls * self.num_steps


class Search:
    """All variants tried, with seconds per step; keeps the fastest of the right law."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.found: list[tuple[float, Variant]] = []
        self.failed: dict[str, str] = {}
        self.best: tuple[float, Compiled | None] = (math.inf, None)

    def try_out(self, *variants: Variant) -> None:
        """Time variants that have not been timed yet."""
        for variant in variants:
            if any(variant == other for _, other in self.found) or str(variant) in self.failed:
                continue
            try:
                compiled = Compiled(self.case, variant)
                seconds = self._time(compiled)
            except Exception as error:  # what a compiler of another version cannot do
                self.failed[str(variant)] = f"{type(error).__name__}: {error}"[:200]
                continue
            self.found.append((seconds, variant))
            if seconds < self.best[0] and self.allowed(variant):
                self.best = (seconds, compiled)

    def allowed(self, variant: Variant) -> bool:
        """Whether the variant draws from the right law."""
        return variant.normal != "float32" or self.case.settings["dtype"] == "float32"

    def fastest(self, count: int) -> list[Variant]:
        """The best variants so far, one per form."""
        forms: dict[str, Variant] = {}
        for _, variant in sorted(self.found, key=lambda pair: pair[0]):
            forms.setdefault(variant.form, variant)
        return list(forms.values())[:count]

    def _time(self, compiled: Compiled) -> float:
        steps, times = 1, []
        while len(times) < SEARCH_ROUNDS:
            began = time.perf_counter()
            done = compiled.run(steps)
            seconds = time.perf_counter() - began
            if seconds < SEARCH_SECONDS / 2 and not times:
                steps = max(2 * done, int(done / seconds * SEARCH_SECONDS))
                continue
            times.append(seconds / done)
        return min(times)


class Prepared:
    """The best variant."""

    def __init__(self, search: Search, variant: Variant) -> None:
        compiled = search.best[1]
        assert compiled is not None
        self.run = compiled.run
        self.variant = str(variant)
        networks = search.case.settings["networks"]
        self.details = {
            "tried": {
                str(v): 1e6 * seconds / networks
                for seconds, v in sorted(search.found, key=lambda pair: pair[0])
            },
            "unit": "microseconds per network-step, best of a few short runs while searching",
            "other law": [str(v) for _, v in search.found if not search.allowed(v)],
            "failed": search.failed,
        }


def start(threads: int) -> dict[str, str]:
    """See `benchmarks.worker`."""
    jax.config.update("jax_enable_x64", True)
    devices = len(jax.devices())
    expected = threads if TUNED else 1
    if devices != expected:
        raise RuntimeError(f"expected {expected} devices, got {devices}")
    return {"jax": jax.__version__, "numpy": np.__version__}


def load(settings: dict[str, Any]) -> Case:
    """The case with its arrays."""
    with np.load(settings["file"]) as arrays:
        return Case(settings, dict(arrays))


def check(case: dict[str, Any]) -> float:
    """Largest deviation of one step, of any form, from the step that the case says is right."""
    loaded = load(case | {"lr": 1.0})
    linear = case["kind"] == "linear"
    worst = 0.0
    for form in LINEAR_FORMS if linear else DIGITS_FORMS:
        variant = Variant(form)
        move = (lambda a: np.moveaxis(a, 0, -1)) if variant.last else (lambda a: a)
        there = lambda a, move=move: jnp.asarray(move(a), loaded.dtype)
        if linear:
            _, step = linear_step(loaded, variant)
            z = loaded.arrays["z"]
            columns = form.startswith("products of columns")
            new = step([there(w) for w in loaded.weights()], there(z.mT if columns else z))
            got = [np.asarray(w) for w in new]
        else:
            index = loaded.arrays["index"]
            state = [(there(w[..., :-1]), there(w[..., -1])) for w in loaded.weights()]
            x, y = loaded.arrays["x"][index], loaded.arrays["y"][index]
            new = digits_step(loaded, variant)(state, there(x), there(y))
            axis = 1 if variant.last else 2  # of a layer's inputs
            got = [np.concatenate([w, np.expand_dims(b, axis)], axis) for w, b in new]
        for i, w in enumerate(got):
            expected = loaded.arrays[f"after{i}"]
            if variant.last:
                expected = np.moveaxis(expected, 0, -1)
            worst = max(worst, float(np.abs(w - expected).max()))
    return worst


def prepare(settings: dict[str, Any]) -> Prepared | str:
    """See `benchmarks.worker`."""
    case = load(settings)
    search = Search(case)
    linear = settings["kind"] == "linear"
    devices = len(jax.devices())
    splits = {devices if settings["networks"] % devices == 0 else 1}
    forms = LINEAR_FORMS if linear else DIGITS_FORMS
    if settings["quick"]:
        forms = [f for f in forms if f.endswith("network first")]
    first = Variant(forms[0], draw="step" if linear else "permutation", devices=max(splits))
    search.try_out(*(replace(first, form=form) for form in forms))
    for best in search.fastest(1 if settings["quick"] else 2):
        if linear:
            search.try_out(
                replace(best, draw="block"),
                *(
                    replace(best, draw=draw, unroll=unroll)
                    for draw in ("step", "block")
                    for unroll in ((2,) if settings["quick"] else (2, 4))
                ),
            )
            kinds = (("rbg", "native"), ("threefry2x32", "box-muller"), ("threefry2x32", "float32"))
            search.try_out(*(replace(best, prng=p, normal=n) for p, n in kinds))
        else:
            search.try_out(*(replace(best, draw=draw) for draw in ("independent", "argsort")))
            quicker = min((pair for pair in search.found), key=lambda pair: pair[0])[1]
            search.try_out(replace(quicker, unroll=2), replace(quicker, unroll=4))
    chosen = min((p for p in search.found if search.allowed(p[1])), key=lambda p: p[0])[1]
    return Prepared(search, chosen)
