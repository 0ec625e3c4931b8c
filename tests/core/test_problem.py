"""Folding a student into a few matrices: against the student as its definition says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import methexis as mx
from methexis.core.layers.geometry import kernel_cosine
from methexis.core.layers.products import (
    after,
    before,
    hidden_maps,
    predictor,
    predictor_differential,
    pullback,
    pullback_differential,
)
from methexis.core.problem import Problem

SEED = 20250708
BOTH = pytest.mark.parametrize("loss", ["squared", "whitened"])


def student_with_everything(seed: int = SEED) -> tuple[mx.Teacher, mx.EDLN]:
    generator = np.random.default_rng(seed)
    teacher = mx.Teacher.random(3, 2, condition_x=3.0, condition_noise=5.0, seed=seed)
    view = mx.View(
        generator.standard_normal((5, 5)), np.diag([0.5, 2.0]), generator.standard_normal((3, 2))
    )
    entry, last = generator.standard_normal((4, 5)), generator.standard_normal((3, 6))
    return teacher, mx.EDLN((3, 5), entry, last, view)


def draw(problem: Problem, seed: int) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return [
        generator.standard_normal(shape)
        for shape in zip(problem.dims[1:], problem.dims[:-1], strict=True)
    ]


def test_dimensions() -> None:
    teacher, student = student_with_everything()
    problem = Problem.of(teacher, student)
    assert problem.dims == (4, 3, 5, 6)
    assert problem.depth == student.depth == 3
    assert problem.num_parameters == 3 * 4 + 5 * 3 + 6 * 5
    assert problem.rank == 2


@BOTH
def test_folded_loss_is_the_defined_loss(loss) -> None:
    teacher, student = student_with_everything()
    if loss == "whitened":  # three labels of two noises: singular, so keep two of them
        view = mx.View(student.view.matrix, student.view.private_cov, student.view.label_matrix[:2])
        student = mx.EDLN(student.hidden, student.embed_in, student.embed_out[:2], view)
    problem = Problem.of(teacher, student, loss)
    weights = draw(problem, 1)
    generator = np.random.default_rng(2)
    x, private, noise = (generator.standard_normal(n) for n in (3, 2, 2))
    phi = student.view.label_matrix
    y = teacher.weight @ x + noise
    seen = student.view.matrix @ np.concatenate([x, private])
    h = student.embed_in @ seen
    for w in weights:
        h = w @ h
    rest = student.embed_out @ h - phi @ y
    metric = np.eye(len(phi))
    if loss == "whitened":
        metric = np.linalg.inv(phi @ teacher.cov_noise @ phi.T)
    folded = predictor(problem, weights) @ np.concatenate([x, private]) - problem.label_map @ y
    # Rounding times the condition of Φ Σε Φᵀ.
    assert_allclose(folded @ folded, rest @ metric @ rest, rtol=1e-10)
    assert_allclose(problem.target[:, :3], problem.label_map @ teacher.weight, rtol=0, atol=1e-12)
    assert np.all(problem.target[:, 3:] == 0)
    if loss == "whitened":
        assert_allclose(problem.cov_noise, np.eye(2), rtol=0, atol=1e-10)


@BOTH
def test_samples_are_folded_row_by_row(loss) -> None:
    teacher = mx.Teacher.random(3, 2, condition_noise=4.0, seed=1)
    data = teacher.samples(20, seed=2)
    phi = np.array([[2.0, 1.0], [0.0, 1.0]])
    student = mx.EDLN((3,), view=mx.View(np.diag([1.0, 2.0, 3.0]), label_matrix=phi))
    problem = Problem.of(data, student, loss)
    rest = (data.y - data.x @ data.weight.T) @ phi.T
    cov = rest.T @ rest / 20
    metric = np.linalg.inv(cov) if loss == "whitened" else np.eye(2)
    folded = problem.y - problem.x @ problem.target.T
    expected = np.einsum("na,ab,nb->n", rest, metric, rest)
    assert_allclose(np.sum(folded**2, axis=1), expected, rtol=1e-11)  # condition of the noise


@given(seed=st.integers(0, 2**31 - 1), hidden=st.lists(st.integers(1, 4), min_size=1, max_size=4))
@settings(max_examples=30)
def test_products(seed, hidden) -> None:
    teacher = mx.Teacher.random(3, 2, seed=seed)
    problem = Problem.of(teacher, mx.EDLN.random(teacher, hidden, seed=seed))
    weights, moved = draw(problem, seed), draw(problem, seed + 1)
    f = predictor(problem, weights)
    atol = 1e-12 * max(1.0, np.abs(f).max())  # rounding
    left, right = after(problem, weights), before(problem, weights)
    for a, w, b in zip(left, weights, right, strict=True):
        assert_allclose(a @ w @ b, f, rtol=0, atol=atol)
    for a, h in zip(left[:-1], hidden_maps(problem, weights), strict=True):
        assert_allclose(a @ h, f, rtol=0, atol=atol)
    step = [w + 1e-30j * d for w, d in zip(weights, moved, strict=True)]
    differential = predictor_differential(problem, weights, moved)
    size = max(1.0, np.abs(differential).max())
    assert_allclose(differential, predictor(problem, step).imag / 1e-30, rtol=0, atol=1e-12 * size)
    cotangent = np.random.default_rng(seed).standard_normal(f.shape)
    pulled = pullback(problem, weights, cotangent)
    inner = sum(float(np.sum(g * d)) for g, d in zip(pulled, moved, strict=True))
    scale = np.linalg.norm(cotangent) * max(1.0, np.linalg.norm(differential))
    assert_allclose(inner, np.sum(cotangent * differential), rtol=0, atol=1e-12 * scale)
    second = pullback_differential(problem, weights, moved, cotangent)
    numeric = [g.imag / 1e-30 for g in pullback(problem, step, cotangent)]
    for a, b in zip(second, numeric, strict=True):
        assert_allclose(a, b, rtol=0, atol=1e-12 * max(1.0, np.abs(b).max()))


# --- what the loss and the labels do to the universal kernel (docs/theory.md (1.3)) --------------


def kernel(teacher, *, matrix=None, phi=None, private=None, loss="squared", hidden=(3, 4)):
    generator = np.random.default_rng(SEED)
    num_seen = teacher.dim_x + (0 if private is None else len(private))
    num_labels = teacher.dim_y if phi is None else len(phi)
    embeddings = (
        generator.standard_normal((num_seen, num_seen)),
        generator.standard_normal((num_labels, num_labels)),
    )
    view = mx.View(matrix, private, phi)
    return mx.theory.platonic(teacher, mx.EDLN(hidden, *embeddings, view), loss=loss).kernel


@pytest.fixture
def anisotropic() -> mx.Teacher:
    return mx.Teacher.random(3, 3, condition=3.0, condition_x=3.0, condition_noise=8.0, seed=5)


@BOTH
def test_kernel_does_not_depend_on_views_and_embeddings(anisotropic, loss) -> None:
    expected = mx.theory.universal_kernel(anisotropic, loss=loss)
    generator = np.random.default_rng(1)
    for hidden in ((3,), (5, 3, 4)):
        matrix = generator.standard_normal((3, 3))
        found = kernel(anisotropic, matrix=matrix, loss=loss, hidden=hidden)
        assert_allclose(found, expected, rtol=0, atol=1e-12 * expected.max())  # rounding


@BOTH
def test_private_features_leave_the_kernel_of_the_shared_inputs(anisotropic, loss) -> None:
    expected = mx.theory.universal_kernel(anisotropic, loss=loss)
    matrix = np.random.default_rng(1).standard_normal((5, 5))
    found = kernel(anisotropic, matrix=matrix, private=np.diag([0.5, 2.0]), loss=loss)
    assert_allclose(found[:3, :3], expected, rtol=0, atol=1e-12 * expected.max())
    assert np.abs(found[3:]).max() < 1e-12 * expected.max()  # nothing to say about the label


def test_label_maps(anisotropic) -> None:
    generator = np.random.default_rng(2)
    turn = np.linalg.qr(generator.standard_normal((3, 3)))[0]
    phi = generator.standard_normal((3, 3))
    base = mx.theory.universal_kernel(anisotropic)
    white = mx.theory.universal_kernel(anisotropic, loss="whitened")
    atol = 1e-11 * base.max()  # rounding times the condition of Φ
    # Orthogonal maps leave K; their multiples scale it by the square.
    assert_allclose(kernel(anisotropic, phi=turn), base, rtol=0, atol=atol)
    assert_allclose(kernel(anisotropic, phi=3 * turn), 9 * base, rtol=0, atol=9 * atol)
    # Others do not, not even up to scale.
    assert kernel_cosine(kernel(anisotropic, phi=phi), base, anisotropic.cov_x) < 0.999
    # The whitened loss takes any invertible map back.
    found = kernel(anisotropic, phi=phi, loss="whitened")
    assert_allclose(found, white, rtol=0, atol=1e-11 * white.max())
    assert kernel_cosine(white, base, anisotropic.cov_x) < 0.999
    # K depends on Φ through VᵀMΣεMV with M = ΦᵀΦ alone.
    m = phi.T @ phi
    root = np.linalg.cholesky(anisotropic.cov_x)
    inner = root.T @ anisotropic.weight.T @ m
    values, vectors = np.linalg.eigh(inner @ anisotropic.cov_noise @ inner.T)
    half = np.linalg.inv(root).T @ vectors
    # ‖·‖ in the coordinates of the Cholesky factor: Σx^{-1/2}(·)^{1/2}Σx^{-1/2} is the same matrix
    # for every square root of Σx, because a rotation passes through the root.
    expected = (half * np.sqrt(values)) @ half.T
    found = kernel(anisotropic, phi=phi)
    assert_allclose(found, expected, rtol=0, atol=1e-10 * expected.max())


def test_rank_one_targets_do_not_mind_label_maps() -> None:
    teacher = mx.Teacher.random(3, 3, rank=1, condition_noise=8.0, seed=5)
    phi = np.random.default_rng(2).standard_normal((3, 3))
    cosine = kernel_cosine(
        kernel(teacher, phi=phi), mx.theory.universal_kernel(teacher), teacher.cov_x
    )
    assert_allclose(cosine, 1.0, rtol=0, atol=1e-12)  # rounding


@BOTH
def test_balance_of_a_student_with_everything(loss) -> None:
    teacher, student = student_with_everything()
    view = mx.View(student.view.matrix, student.view.private_cov, student.view.label_matrix[:2])
    generator = np.random.default_rng(3)
    student = mx.EDLN(
        (3, 5), generator.standard_normal((5, 5)), generator.standard_normal((2, 2)), view
    )
    sol = mx.theory.platonic(teacher, student, loss=loss)
    # Balance is exact at the closed form; conditions of five random maps multiply the rounding.
    assert max(mx.theory.balance(teacher, student, sol.weights, loss=loss)) < 1e-9
    other = mx.theory.platonic(
        teacher, student, loss="squared" if loss != "squared" else "whitened"
    )
    assert max(mx.theory.balance(teacher, student, other.weights, loss=loss)) > 1e-2
