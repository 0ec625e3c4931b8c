"""One small specimen of every public noun and result, for the walk over all of them."""

from __future__ import annotations

import inspect
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import methexis as mx
from methexis import core, scenarios
from methexis.measures import MEASURES, Measure, dropin
from methexis.scenarios.framework.judging import Check
from methexis.scenarios.sharpening.measure import Found
from methexis.scenarios.sharpening.result import CaseResult, SharpenResult
from methexis.scenarios.verify.result import Prediction, RunLength, VerifyResult
from methexis.scenarios.verify.result import Verdict as VerifyVerdict
from methexis.training.optimisers import UpdateRule
from methexis.training.prediction.predicted import Predicted
from tests.report import break_results, compare_results, reverse_results, subjects_results
from tests.zoo import sweeping
from tests.zoo.public import public

#: Public classes of which there is nothing to show, by name, and why.
NOTHING_TO_SHOW = {
    "mx.ConditionError": "an error",
    "mx.MethexisError": "an error",
    "measures.Invariance": "an enumeration",
    "init.Initialiser": "a protocol",
    "optimisers.UpdateRule": "abstract",
    "measures.Measure": "abstract",
}
_RNG = np.random.default_rng(0)
X = _RNG.normal(size=(24, 4))
Y = X[:, :3] + 0.5 * _RNG.normal(size=(24, 3))
TEACHER = mx.Teacher.random(dim_x=3, dim_y=2, seed=0)
STUDENT = mx.EDLN(hidden=(3, 4))


def classes() -> dict[str, type]:
    """Every public class that has something to show, by its public name."""
    found = {name: value for name, value in public() if inspect.isclass(value)}
    return {name: value for name, value in found.items() if name not in NOTHING_TO_SHOW}


@cache
def run() -> mx.Run:
    return mx.train(
        [STUDENT, STUDENT], TEACHER, mx.SGD(lr=0.01), steps=50, replicas=3, progress=None
    )


@cache
def scales() -> mx.measures.NeighbourScales:
    return mx.measures.neighbour_scales(X, Y, ks=[1, 5])


@cache
def search() -> mx.measures.SearchCurve:
    return mx.measures.search_curve([X, X**2], [Y], ns=[24, 12], num_permutations=19, num_subsets=2)


@cache
def path() -> mx.theory.SlowPath:
    start = mx.theory.random_minimum(TEACHER, STUDENT, seed=1, spread=0.3)
    return mx.theory.slow_drift(TEACHER, STUDENT, start, lr=0.01, steps=200)


@cache
def predicted() -> Predicted:
    return run().predict(progress=None)


@cache
def grid() -> mx.Grid:
    return mx.compare_all({"a": X, "b": Y}, {"c": Y, "d": X}, measure="cka", num_permutations=19)


@cache
def comparison() -> mx.Comparison:
    return mx.compare(X, Y, measure="cka", num_bootstrap=19)


@cache
def explained() -> mx.Explanations:
    rows = np.random.default_rng(1).normal(size=(60, 9))
    return mx.explain_all({"a": rows, "b": rows[:, :4]}, {"c": 2.0 * rows})


@cache
def translated() -> mx.Translation:
    return mx.translate(X, Y)


@cache
def translated_unpaired() -> mx.UnpairedTranslation:
    rows = np.random.default_rng(3).exponential(size=(500, 2))
    return mx.translate_unpaired(rows[:250], rows[250:], pair=(0, 0))


@cache
def interfaces() -> mx.Interfaces:
    import torch  # noqa: PLC0415  where it is, which the walk over all public classes asks for

    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Linear(5, 2))
    return mx.interfaces(model.eval(), X[:5].astype(np.float32))


@cache
def canonical() -> mx.Canonical:
    import torch  # noqa: PLC0415  where it is, as above

    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Linear(5, 2))
    rows = X[:5].astype(np.float32)
    return mx.canonicalize(model.eval(), torch.nn.functional.mse_loss, (rows, rows[:, :2]))


def _interfaces() -> list[Any]:
    known = interfaces()
    made = canonical()
    return [known, known[0], known[0].element(), made, made.interfaces[0]]


@cache
def read_against() -> mx.Comparison:
    """A comparison with levels."""
    return mx.compare(X, Y, measure="cka", references={"one": X[:, :1]}, num_bootstrap=19)


@cache
def curve() -> mx.measures.NeighbourCurve:
    return mx.measures.neighbour_curve(X, Y, ks=[1, 2], ns=[24, 16], num_subsets=2)


def _sharpened() -> CaseResult:
    found = Found(
        case=scenarios.chosen_cases("edge")[0], quick=True, start={}, fine_times=np.zeros(0),
        fine={}, control={}, readings=(), points=(),
    )  # fmt: skip
    checks = (Check("law", "1.0", "1", passed=True), Check("end", "2.0", "1", passed=False))
    return CaseResult(found, checks, seed=0, seconds=1.0)


def _verified() -> VerifyResult:
    none = np.zeros((0, 0))
    return VerifyResult(
        settings=scenarios.VerifySettings(), source=TEACHER, students=[STUDENT],
        solutions=[mx.theory.platonic(TEACHER, STUDENT)],
        schedule=RunLength(0.01, 0.1, 1, 50, 0.1, 0.2, fitted=True), minima=[], run=run(),
        control=run(), prediction=Prediction("flow", none, none, none, none, 1.0),
        mean_kernel=none, mean_kernel_projected=none, mean_kernel_to_theory=none[0:0],
        layer_entropy=[], epoch_turn=None, ways=[],
        verdict=VerifyVerdict((Check("worst pair", "0.5", "at least 0.99", passed=False),)),
        timings={},
    )  # fmt: skip


def _plan() -> mx.measures.Plan:
    return mx.measures.Plan(
        MEASURES["cka"](), one_pass=False, why="", null="moments", num_orders=0,
        orders_if_dominated=0, interval="bootstrap", seconds=1.0, seconds_if_dominated=1.0,
        num_bytes=1000,
    )  # fmt: skip


def _probes() -> list[Any]:
    output = mx.probes.LayerOutput("block.0", "Linear", (None, 4), "float32", (), True, "")
    asked = mx.probes.Asked("encoder", Path("texts.txt"))
    return [output, mx.probes.LayerList("encoder", (output,)), asked]


@cache
def specimens() -> dict[str, Any]:
    """A specimen of each class, by the name of the class."""
    rdms = [mx.measures.rdm(X + 0.3 * _RNG.normal(size=X.shape)) for _ in range(3)]
    compared = compare_results.compared(3, 2, num_permutations=19)
    features = mx.measures.stream(X, Y)
    levels = read_against().levels
    assert levels is not None
    closer = mx.closer(X, Y, X[:, :2], measure="cka", debiased=True)
    ranking = mx.measures.nearest(X, {"a": Y, "b": X[:, :2]}, measure="cka", debiased=True)
    explanations, translation = explained(), translated()
    broken, reversed_ = break_results.made_up("nothing"), reverse_results.made_up("order")
    made: list[Any] = [
        TEACHER, TEACHER.samples(5), STUDENT, mx.MLP(hidden=(3,), activation="relu"),
        mx.View.random(3), core.Problem.of(TEACHER, STUDENT), run(), path(), grid(), comparison(),
        curve(), scales(), search(), mx.theory.platonic(TEACHER, STUDENT),
        mx.theory.adaptive_minimum(TEACHER, STUDENT),
        mx.theory.relaxation(TEACHER, STUDENT, lr=0.1),
        mx.theory.drift_fixed_point(TEACHER, STUDENT),
        mx.geometry.align_samples(X, Y), mx.geometry.match_samples(X, Y),
        mx.schedules.cosine(), rdms[0],
        mx.measures.noise_ceiling(rdms), mx.measures.compare_group(rdms[0], rdms),
        mx.measures.compare_models({"x": X, "y": Y}, rdms), mx.measures.mds(rdms[0]),
        subjects_results.found(), subjects_results.found().settings,
        mx.measures.power_law(_RNG.normal(size=(40, 12))),
        mx.measures.planted_pair("noise", 0.5), features,
        mx.measures.NullMoments(0.1, 0.02, 0.5), mx.measures.Preprocessing(0.95), _plan(),
        dropin.calibrate(X, Y, "cka", K=9), compared.first, compared.first.layers[0], compared,
        compared.settings, features.moments.second,
        broken, break_results.several(broken),
        reversed_, reverse_results.several(reversed_),
        _sharpened(), SharpenResult((_sharpened(),), "methexis sharpen", 1.0), _verified(),
        scenarios.VerifySettings(easy=True), mx.GradientFlow(lr=0.1),
        *_probes(), predicted(), levels, levels.marks[0], levels.between[0], closer, ranking,
        explanations, explanations.best(), sweeping.done(), *_interfaces(),
        explanations, explanations.best(), translation, translation.certificate,
        translation.certificate.worth, translation.match(X, Y),
        translated_unpaired(), translated_unpaired().certificate,
    ]  # fmt: skip
    for value in classes().values():
        if issubclass(value, Measure):
            made.append(value())
        elif issubclass(value, UpdateRule):
            made.append(value(lr=0.1))
    return {type(one).__name__: one for one in made}
