"""All cases, each in a few lines, in the order in which they are run and shown.

Problems and starts were settled by closed forms and slow dynamics. A pilot with other seeds came
before the runs: it set the length of the cases without noise (cost), the powers of the fit of batch
sharpness (its errors) and the learning rate of single samples (finite fourth moments). What becomes
of runs on single samples that are on course beyond their edge was expected to be loss of all; the
pilot showed otherwise, and the checks of `facts.losses` were written after it. A full run
extrapolates over three values of the small parameter, with a quadratic; a quick one over two, with
a line, and allows for what the next power leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from methexis.core.checks import Array
from methexis.core.edln import EDLN
from methexis.core.teacher import Teacher
from methexis.scenarios.framework.names import entries
from methexis.scenarios.sharpening.case import Case, Effort
from methexis.scenarios.sharpening.search import Member
from methexis.scenarios.sharpening.training import Edge, Online, SingleSamples
from methexis.theory.gauge import balanced_minimum, random_minimum

RISES, FALLS = "rises", "falls"
#: Of ``η λ_max`` and ``(η λ_max)²``.
FULL = Effort(small=(0.09, 0.06, 0.03), replicas=32, powers=(0, 1, 2))
QUICK = Effort(small=(0.1, 0.06), replicas=32, powers=(0, 1), allowed=0.02)
#: Of ``σ²`` near the edge.
FULL_EDGE = Effort(small=(0.01, 0.005, 0.0025), replicas=64, powers=(0, 1, 2))
QUICK_EDGE = Effort(small=(0.01, 0.005), replicas=64, powers=(0, 1), allowed=0.01)

FULL_SINGLE = Effort(small=(0.02, 0.01, 0.005), replicas=128, powers=(0, 1, 2))
QUICK_SINGLE = Effort(small=(0.02, 0.01), replicas=128, powers=(0, 1), allowed=0.01)


def times(last: float, *, first: float = 1.0 / 60.0, count: int = 8) -> tuple[float, ...]:
    """Slow times evenly spaced in the logarithm, from a part of the last one on."""
    return tuple(np.geomspace(first * last, last, count).tolist())


def balanced(teacher: Teacher, students: Sequence[EDLN]) -> list[list[Array]]:
    """Balanced minima."""
    return [balanced_minimum(teacher, s) for s in students]


_SEARCH = (
    "By closed forms alone: of 720 problems (120 seeds, two noises, three starts) the one with "
    "these signs whose smaller change is largest, at most a factor of e."
)


def _member(
    name: str, title: str, member: Member, last: float, expected: tuple[str, str], seed: int
) -> Case:
    trace, top = (
        f"{what} {how}" for what, how in zip(("trace", "largest eigenvalue"), expected, strict=True)
    )
    joint = "and" if expected[0] == expected[1] else "while"
    return Case(
        name=name,
        title=title,
        claim=f"From a {member.start} start the {trace} {joint} the {top}.",
        found=_SEARCH,
        teacher=member.teacher,
        students=member.students,
        start=lambda teacher, students: [member.weights(teacher, s) for s in students],
        training=Online(),
        slow_times=times(last),
        expected=expected,
        full=FULL,
        quick=QUICK,
        seed=seed,
    )


def _views() -> Case:
    """Singular values of the view in the ratio 10:1, its strength ``Tr ZΣxZᵀ`` kept at 3."""

    def students(teacher: Teacher) -> list[EDLN]:
        return [EDLN(hidden=(3,), view=view(10.0, teacher))]

    return Case(
        name="ill-conditioned-view",
        title="An ill-conditioned view",
        claim="At equal strength an ill-conditioned view makes balanced weights sharp, not "
        "Plato's, and SGD flattens them.",
        found="By closed forms: seed 0, a view of condition number 10; isotropic noise.",
        teacher=lambda: Teacher.random(3, 2, seed=0),
        students=students,
        start=balanced,
        training=Online(),
        slow_times=times(4.0),
        expected=(FALLS, FALLS),
        full=FULL,
        quick=QUICK,
        seed=5000,
        note="The paper says that an ill-conditioned view makes the Platonic point arbitrarily "
        "sharp. By (4.6) its trace depends on the view through Tr ZΣxZᵀ alone, and so does the "
        "least trace of any minimum.",
    )


def view(condition: float, teacher: Teacher) -> Array:
    """Diagonal view of the given condition number and of strength ``Tr ZΣxZᵀ = dim_x``."""
    z = np.diag(np.geomspace(1.0, 1.0 / condition, teacher.dim_x))
    return np.asarray(z * np.sqrt(teacher.dim_x / np.trace(z @ teacher.cov_x @ z.T)))


def _noise_free(name: str, title: str, claim: str, weight: list[list[float]], seed: int) -> Case:
    return Case(
        name=name,
        title=title,
        claim=claim,
        found="By hand: two inputs and labels, the second label without noise.",
        teacher=lambda: Teacher(weight, cov_noise=np.diag([1.0, 0.0])),
        students=lambda _: [EDLN(hidden=(2,))],
        start=balanced,
        training=Online(),
        slow_times=times(16.0, first=1.0 / 160.0),
        expected=(RISES, RISES),
        full=Effort(small=(0.09, 0.06, 0.04), replicas=32, powers=(0, 1, 2)),
        quick=QUICK,
        seed=seed,
    )


def one_output_matters() -> Teacher:
    """One input, 16 labels of which only the first depends on it; equal noise on all."""
    weight = np.zeros((16, 1))
    weight[0] = 1.0
    return Teacher(weight)


#: Learning rate of the case at the edge: ``2/η = 6``.
EDGE_LR = 1.0 / 3.0


def _edge() -> Case:
    return Case(
        name="edge",
        title="At the edge of stability",
        claim="A finite learning rate stops sharpening before 2/η, where the theorem alone would "
        "lead beyond it.",
        found="By (4.8) with 15 labels of noise only: the largest eigenvalue wants to go from 4 to "
        "8.5, and 2/η is 6.",
        teacher=one_output_matters,
        students=lambda _: [EDLN(hidden=(1,))],
        start=balanced,
        training=Edge(EDGE_LR),
        slow_times=times(0.6, first=1.0 / 40.0),
        expected=(FALLS, RISES),
        full=FULL_EDGE,
        quick=QUICK_EDGE,
        seed=8000,
        note="Descent on the exact gradient with fresh label noise in every step; the limit is "
        "that of weak noise at this learning rate, not that of a small learning rate.",
    )


#: Learning rate of the case at the edge of single samples, which is at ``η λ = 2/3``: the theorem
#: alone leads to ``η λ = 0.48``, this rate to 0.38. Beyond 0.385 fourth moments are infinite, and
#: errors taken from the spread of replicas would mean nothing.
SINGLE_LR = 0.06


def _edge_single() -> Case:
    return Case(
        name="edge-single-samples",
        title="Near the edge of single samples",
        claim="With single samples the edge of stability is not at 2 but at 2/3, and sharpening is "
        "held back long before.",
        found="The problem of the case at the edge; by the drift at this learning rate.",
        teacher=one_output_matters,
        students=lambda _: [EDLN(hidden=(1,))],
        start=balanced,
        training=SingleSamples(SINGLE_LR),
        slow_times=times(0.6, first=1.0 / 40.0),
        expected=(FALLS, RISES),
        full=FULL_SINGLE,
        quick=QUICK_SINGLE,
        seed=8500,
        note="Here too the limit is that of weak noise at this learning rate.",
    )


#: Displacement of the start of `one-force` off the minima, in units of a weight's size.
_OFF = 0.1


def _one_force() -> Case:
    """Two students in different embeddings and views, from random minima, a little off them."""

    def students(teacher: Teacher) -> list[EDLN]:
        return [
            EDLN.random(teacher, (4, 3), condition=1.5, seed=120),
            EDLN.random(teacher, (3,), condition=1.5, seed=220),
        ]

    def start(teacher: Teacher, students: Sequence[EDLN]) -> list[list[Array]]:
        generator = np.random.default_rng(20)
        return [
            [
                w + _OFF * generator.standard_normal(w.shape) * np.sqrt(np.mean(w**2))
                for w in random_minimum(teacher, s, seed=20, spread=0.2)
            ]
            for s in students
        ]

    return Case(
        name="one-force",
        title="Alignment and sharpening: one force",
        claim="The force that aligns two different networks also sharpens both, and without it "
        "neither happens.",
        found="By closed forms: of 480 pairs of students the one whose layers differ most at the "
        "start among those of which both sharpen by a factor of 1.35 or more.",
        teacher=lambda: Teacher.random(3, 3, condition_noise=30.0, seed=20),
        students=students,
        start=start,
        training=Online(),
        slow_times=times(2.0),
        expected=(RISES, RISES),
        full=FULL,
        quick=Effort(small=(0.1, 0.07), replicas=32, powers=(0, 1), allowed=0.02),
        seed=9000,
        control=True,
    )


_ALL: tuple[Callable[[], Case], ...] = (
    _one_force,
    lambda: _member(
        "trace-down-top-up",
        "Trace down, largest eigenvalue up",
        Member(38, 30.0, "random"),
        6.0,
        (FALLS, RISES),
        1000,
    ),
    lambda: _member("both-up", "Both up", Member(46, 30.0, "flat"), 8.0, (RISES, RISES), 2000),
    lambda: _member(
        "both-down", "Both down", Member(14, 30.0, "random"), 16.0, (FALLS, FALLS), 3000
    ),
    lambda: _member(
        "trace-up-top-down",
        "Trace up, largest eigenvalue down",
        Member(67, 30.0, "flat"),
        1.0,
        (RISES, FALLS),
        4000,
    ),
    _views,
    lambda: _noise_free(
        "noise-free",
        "A direction without noise",
        "Sharpening never ends where a label has no noise: the largest eigenvalue grows as the "
        "square root of slow time.",
        [[1.0, 0.0], [0.0, 1.0]],
        6000,
    ),
    lambda: _noise_free(
        "noise-free-tilted",
        "A direction without noise, at an angle",
        "With fresh samples and a signal at an angle to the noise, sharpening ends after all.",
        [[1.0, 0.5], [0.0, 1.0]],
        7000,
    ),
    _edge,
    _edge_single,
)
CASES: dict[str, Case] = {case.name: case for case in (make() for make in _ALL)}


def chosen_cases(name: str) -> list[Case]:
    """The case of that name, or all of them.

    Raises
    ------
    MethexisError
        If there is none; with the nearest name.

    Examples
    --------
    >>> [case.name for case in chosen_cases("edge")]
    ['edge']
    """
    return entries("case", name, CASES)
