"""The problems of the experiments.

They were chosen by the closed forms alone, before any run: small, so that a run is cheap; with an
invertible view and embeddings that differ between students; and, where i.i.d. sampling is to leave
an offset, with a predicted offset that can be told from zero.
"""

from __future__ import annotations

import numpy as np

import methexis as mx


def explicit_instance() -> tuple[mx.Teacher, tuple[mx.EDLN, ...]]:
    """The instance of docs/theory.md §5: depths 2 and 3, identity embeddings, width 2."""
    teacher = mx.Teacher([[1.0, 1.0], [0.0, 0.5]], cov_noise=np.diag([0.04, 1.0]))
    return teacher, (mx.EDLN((2,)), mx.EDLN((2, 2)))


def random_anisotropic(noise: float = 1.0) -> tuple[mx.Teacher, tuple[mx.EDLN, ...]]:
    """Three inputs and labels, anisotropic noise; depths 2 and 3 in random embeddings and views.

    Of teacher seeds 0 … 4 the one with the largest predicted offset. Platonic point and offset do
    not depend on the strength of the noise, only the pace does.
    """
    teacher = mx.Teacher.random(
        3, 3, condition=4.0, noise=noise, condition_noise=25.0, condition_x=2.0, seed=0
    )
    return teacher, _students(teacher)


def random_isotropic() -> tuple[mx.Teacher, tuple[mx.EDLN, ...]]:
    """The same sizes with isotropic noise as strong as the signal."""
    teacher = mx.Teacher.random(3, 3, condition=2.0, noise=1.0, condition_x=2.0, seed=1)
    return teacher, _students(teacher)


def random_whitenable() -> tuple[mx.Teacher, tuple[mx.EDLN, ...]]:
    """The same with noise of condition number 9, which the whitened loss makes isotropic."""
    teacher = mx.Teacher.random(
        3, 3, condition=2.0, noise=1.0, condition_noise=9.0, condition_x=2.0, seed=1
    )
    return teacher, _students(teacher)


def _students(teacher: mx.Teacher) -> tuple[mx.EDLN, ...]:
    return (
        mx.EDLN.random(teacher, (3,), condition=1.7, seed=1),
        mx.EDLN.random(teacher, (4, 3), condition=1.7, seed=2),
    )
