"""Theory: closed forms, slow dynamics and fixed points, of problems that differ in kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import methexis as mx
from tests.same_numbers.plain import outcome, plain


def problems() -> dict[str, tuple[Any, Any, str]]:
    """Source, student and loss."""
    teacher = mx.Teacher.random(dim_x=5, dim_y=4, condition_x=2.0, condition_noise=3.0, seed=1)
    isotropic = mx.Teacher.random(dim_x=4, dim_y=3, noise=0.5, seed=2)
    view = mx.View.random(4, condition=2.0, seed=3)
    private = mx.View(np.eye(7), private_cov=np.array([[0.5, 0.1], [0.1, 0.3]]))
    return {
        "anisotropic": (teacher, mx.EDLN.random(teacher, hidden=(6, 7), seed=1), "squared"),
        "whitened": (teacher, mx.EDLN.random(teacher, hidden=(5, 6, 5), seed=2), "whitened"),
        "isotropic, view": (isotropic, mx.EDLN((5,), view=view), "squared"),
        "private": (teacher, mx.EDLN((6,), view=private), "squared"),
        "data": (teacher.samples(50, seed=4), mx.EDLN((5, 4)), "squared"),
        "mlp": (isotropic, mx.MLP((4, 3), "identity", bias=False), "squared"),
        "relu": (isotropic, mx.MLP((4,), "relu"), "squared"),  # refused
    }


#: Those of which the slow dynamics are followed, too.
SLOW = ("anisotropic", "isotropic, view")


def closed_forms(name: str) -> dict[str, Any]:
    """What follows from the moments, and what holds at some weights."""
    source, student, loss = problems()[name]
    theory = mx.theory
    found: dict[str, Any] = {}

    def keep(what: str, compute: Callable[[], Any]) -> None:
        found[what] = outcome(compute)

    keep("platonic", lambda: theory.platonic(source, student, loss=loss))
    keep("platonic, seed", lambda: theory.platonic(source, student, loss=loss, seed=3).weights)
    keep("entropy_bound", lambda: theory.entropy_bound(source, student, loss=loss))
    keep("universal_kernel", lambda: theory.universal_kernel(source, loss=loss))
    keep("balanced", lambda: theory.balanced_minimum(source, student, loss=loss, seed=1))
    keep("ginibre", lambda: _minimum(name, distribution="ginibre"))
    keep("lognormal", lambda: _minimum(name))
    if "error" in found["lognormal"]:
        return found
    minimum = _minimum(name)
    rng = np.random.default_rng(6)
    elsewhere = [w + 0.1 * rng.normal(size=w.shape) for w in minimum]
    keep("project", lambda: theory.project(source, student, elsewhere, loss=loss))
    for place, weights in (("at a minimum", minimum), ("elsewhere", elsewhere)):
        for what in (
            *("entropy", "entropy_gradient", "balance", "gaps"),
            *("hessian_trace", "sharpness", "hessian_spectrum", "top_eigenvalues"),
            "batch_sharpness",
        ):
            function = getattr(theory, what)
            keep(f"{what}, {place}", lambda f=function, w=weights: f(source, student, w, loss=loss))
        keep(f"charges, {place}", lambda w=weights: theory.charges(source, student, w))
        keep(
            f"entropic_loss, {place}",
            lambda w=weights: theory.entropic_loss(source, student, w, lr=0.01, batch=2, loss=loss),
        )
    keep(
        "batch_sharpness, 4",
        lambda: theory.batch_sharpness(source, student, elsewhere, batch=4, loss=loss),
    )
    keep(
        "unreturned",
        lambda: theory.unreturned(source, student, minimum, lr=0.002, steps=20, loss=loss),
    )
    gauges = [np.eye(w.shape[0]) + 0.1 * rng.normal(size=(w.shape[0],) * 2) for w in minimum[:-1]]
    keep("apply_gauge", lambda: theory.apply_gauge(minimum, gauges))
    return found


def slow_dynamics(name: str) -> dict[str, Any]:
    """Where slow paths end, how fast, and what they end on."""
    source, student, loss = problems()[name]
    theory = mx.theory
    start = _minimum(name)
    shared: dict[str, Any] = {"lr": 0.01, "steps": [0, 300], "loss": loss}
    decayed: dict[str, Any] = {"decay": 0.05, "loss": loss}
    return {
        "entropic_flow": outcome(lambda: theory.entropic_flow(source, student, start, **shared)),
        "slow_drift": outcome(lambda: theory.slow_drift(source, student, start, **shared)),
        "slow_drift, momentum": outcome(
            lambda: theory.slow_drift(source, student, start, momentum=0.5, batch=2, **shared)
        ),
        "modified_flow": outcome(lambda: theory.modified_flow(source, student, start, **shared)),
        "relaxation": outcome(lambda: _relaxation(name)),
        "drift_fixed_point": _fixed(lambda: theory.drift_fixed_point(source, student, loss=loss)),
        "drift_fixed_point, decay": _fixed(
            lambda: theory.drift_fixed_point(source, student, **decayed)
        ),
        "decay_fixed_point": _fixed(lambda: theory.decay_fixed_point(source, student, **decayed)),
        "edge_fixed_point": _fixed(lambda: theory.edge_fixed_point(source, student, lr=0.005)),
        "deficit_fixed_point": _fixed(
            lambda: theory.deficit_fixed_point(source, student, loss=loss)
        ),
    }


def elsewhere() -> dict[str, Any]:
    """Geometry, gauges, charges and schedules."""
    rng = np.random.default_rng(8)
    out, into = (rng.normal(size=(6, d)) for d in (3, 4))
    out, into = (g @ g.T for g in (out, into))
    weights = [rng.normal(size=(4, 3)), rng.normal(size=(2, 4))]
    charge = [weights[1].T @ weights[1] - weights[0] @ weights[0].T]
    gradients = [rng.normal(size=w.shape) for w in weights]
    schedules = mx.schedules
    kinds = (schedules.constant(), schedules.cosine(0.1), schedules.inverse_time(0.2))
    return {
        "entropic_gap": outcome(lambda: mx.entropic_gap(out, into)),
        "canonical_gauge": outcome(lambda: mx.canonical_gauge(out, into)),
        "charge_step": outcome(lambda: mx.theory.charge_step(charge, gradients, lr=0.1)),
        "schedules": plain([kind.factors(0, 9, 8) for kind in kinds]),
        "teacher": plain(_parts(mx.Teacher.random(3, 2, condition_x=3.0, seed=5))),
        "product samples": plain(
            _parts(mx.Teacher.random(3, 2, seed=5).product_samples(5, 4, seed=1))
        ),
    }


def _minimum(name: str, distribution: str = "lognormal") -> list[Any]:
    source, student, loss = problems()[name]
    found = mx.theory.random_minimum(
        source, student, seed=2, spread=0.5, distribution=distribution, loss=loss
    )
    return list(found)


def _relaxation(name: str) -> dict[str, Any]:
    source, student, loss = problems()[name]
    found = mx.theory.relaxation(source, student, lr=0.01, batch=2, loss=loss)
    # Eigenvalues that are zero up to rounding are counted, not compared.
    return {
        "largest": np.sort(found.eigenvalues)[-3:],
        "num_zero_modes": found.num_zero_modes,
        "rates": found.rates,
        "slowest_steps": found.slowest_steps,
        "slow_time": found.slow_time(10.0),
    }


def _fixed(compute: Callable[[], Any]) -> Any:
    """A fixed point without its error, which is rounding."""

    def result() -> Any:
        found = compute()
        products = [w @ w.T for w in found.weights]
        return {"products": products, "rates": found.rates, "time": found.slowest_time}

    return outcome(result)


def _parts(source: Any) -> list[Any]:
    return (
        [source.weight, source.cov_x, source.cov_noise, source.samples(3, seed=1).x]
        if (isinstance(source, mx.Teacher))
        else [source.x, source.y]
    )
