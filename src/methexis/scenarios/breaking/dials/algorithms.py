"""Which algorithm respects what: ten learning algorithms, thirteen differences, one table.

The question of the field in one table. A row is an algorithm, a column what differs between two
students or how they are trained. Seven columns have even noise and independent samples, and the
students differ in one thing: the minimum at which they start, depth, width, embeddings, the view
of the inputs, labels that are turned, labels that are stretched. In the other columns students
differ in depth, embeddings and view together, and one thing is changed in the way of training:
samples in shuffled epochs, errors in units of the noise (whitened), uneven noise, and both. The
last column has stretched labels and a whitened loss.

Each of the 130 cells has its prediction, or says why theory has none (`contenders`), and is
measured: the alignment of mean kernels of the pair of hidden layers that is predicted to be worst.
One random problem, seed 5: of teacher seeds 0 … 7, with even noise, that with a middling gap of
its two singular values, so that rules that hold axes are neither quick nor slow. One student has
one hidden layer of width 2 and sees the inputs as they are; the other has the difference.

What was fixed before the full run: everything in this file and in `contenders`. A first full run
had other learning rates and another prediction. SAM had ``ρ = 5η`` at both batch sizes and learning
rates at which a step uphill was as long as a whole gradient or two at ``B = 16``; now ``ρ = 5η/√B``
and the small parameter counts that step. Shuffled epochs had twice the learning rates, and adaptive
rules there a prediction without the third moments of samples. A second run, of the cells that the
first had missed, had rates found in pilots; SAM's were still a little high. The third one, of all
cells, had lower ones for SAM; it agreed, but would not have noticed 17 % of momentum and 24 % of
Adam. A fourth one, with lower rates and more replicas of these, agreed as well; but *both together*
did not (χ² 166 for 104 cells). One column is uneven noise with independent samples, where alignment
still rose along the rates. The others were cells whose errors are least: what burn-in left of the
way from the start showed there, and in epochs a third power, which other dials have. So in a fifth
run rates are lower in that column, epochs have the third power, burn-in is twice as
long, and rules that would not notice a tenth have more replicas. Every run has fresh seeds.
"""

from __future__ import annotations

from functools import cache, partial

import numpy as np

from methexis.core.edln import EDLN
from methexis.core.linalg import random_conditioned, random_orthogonal
from methexis.core.teacher import Teacher
from methexis.core.view import View
from methexis.scenarios.breaking.case import EPOCH_POWERS, POWERS, Case
from methexis.scenarios.breaking.contenders import CONTENDERS, Contender, Setting
from methexis.scenarios.framework.dial import Dial
from methexis.scenarios.framework.scenario import Curve, Effort, Scenario

#: Seeds of the teachers; the students' maps add an offset to them.
PROBLEMS = (5,)
STUDENT_SEED = 900
#: Condition numbers: of maps where nothing else differs, where several things do, of the label map
#: that stretches, and of uneven noise.
ALONE, TOGETHER, STRETCHED, UNEVEN = 3.0, 1.7, 3.0, 5.0
NUM_X, NUM_NOISE = 3, 4

BASE = (
    "initialisation",
    "depth",
    "width",
    "embeddings",
    "view",
    "turned labels",
    "stretched labels",
)
FACTORS = (
    "even, shuffled",
    "even, whitened",
    "uneven, i.i.d.",
    "uneven, shuffled",
    "uneven, whitened",
    "stretched, whitened",
)
COLUMNS = (*BASE, *FACTORS)
VALUES = tuple(float(i) for i in range(len(COLUMNS)))


@cache
def setting(number: int, kind: str) -> Setting:
    """The plain student and the other one, and how they are trained."""
    seed = PROBLEMS[number]
    generator = np.random.default_rng(STUDENT_SEED + seed)
    several = kind.startswith(("even", "uneven"))
    condition = TOGETHER if several else ALONE
    view, embed_in, embed_out = (random_conditioned(2, condition, generator) for _ in range(3))
    turned = random_orthogonal(2, generator)
    stretch = np.diag([STRETCHED**0.5, STRETCHED**-0.5])
    label_map = {
        "turned labels": turned,
        "stretched labels": turned @ stretch,
        "stretched, whitened": turned @ stretch,
    }.get(kind)
    embedded = several or kind == "embeddings"
    other = EDLN(
        (2, 2) if several or kind == "depth" else (4,) if kind == "width" else (2,),
        embed_in if embedded else None,
        embed_out if embedded else None,
        View(view if several or kind == "view" else None, label_matrix=label_map),
    )
    teacher = Teacher.random(
        2,
        2,
        condition=3.0,
        noise=0.3,
        condition_noise=UNEVEN if kind.startswith("uneven") else 1.0,
        condition_x=2.0,
        seed=seed,
    )
    data = teacher.product_samples(NUM_X, NUM_NOISE, seed=seed) if "shuffled" in kind else None
    return Setting(
        teacher, (EDLN((2,)), other), data, "whitened" if "whitened" in kind else "squared"
    )


def _case(contender: Contender, number: int, value: float) -> Case:
    return contender.case(setting(number, COLUMNS[int(value)]))


SHUFFLED = tuple(float(i) for i, name in enumerate(COLUMNS) if "shuffled" in name)
DRIFTING = float(COLUMNS.index("uneven, i.i.d."))

RATES = (0.25, 0.18, 0.125, 0.09, 0.065)
FULL = Effort(RATES, 32, POWERS)
QUICK = Effort((0.25,), 16, POWERS, hurry=0.6, relative=0.3, absolute=5e-3)
#: Epochs fluctuate little and take long: a third power shows, and fewer replicas are enough.
EPOCHS = Effort(RATES, 16, EPOCH_POWERS)
#: Where uneven noise turns the bases, rates of turning and of falling back are near to each other.
SLOW = Effort((0.09, 0.065, 0.045, 0.0325, 0.0225, 0.016), 24, POWERS)
#: Of rules that by the above would not notice a tenth.
MORE = {
    "momentum": Effort((*RATES, 0.045), 32, POWERS),
    "Adam": Effort((0.18, 0.125, 0.09, 0.065, 0.045, 0.0325), 48, POWERS),
    "RMSProp": Effort(RATES, 48, POWERS),
}
#: Of SAM, whose small parameter counts its step uphill beside the one down; by its batch size.
SAM_EPOCHS = Effort((0.35, 0.25, 0.18, 0.13, 0.09), 16, EPOCH_POWERS)
SAM = {
    "SAM, B = 1": Effort((0.35, 0.25, 0.18, 0.13, 0.09), 32, POWERS),
    "SAM, B = 16": Effort((0.35, 0.25, 0.18, 0.13), 16, POWERS),
}
QUICK_SAM = Effort((0.7,), 16, POWERS, hurry=0.6, relative=0.3, absolute=5e-3)


def _curve(contender: Contender) -> Curve[Case]:
    name = contender.name
    full, quick, epochs, slow = MORE.get(name, FULL), QUICK, EPOCHS, SLOW
    if name in SAM:
        full, quick, epochs, slow = SAM[name], QUICK_SAM, SAM_EPOCHS, SAM[name]
    elsewhere = {DRIFTING: slow, **dict.fromkeys(SHUFFLED, epochs)}
    return Curve(name, partial(_case, contender), full, quick, elsewhere=elsewhere)


SCENARIO = Scenario(
    name="algorithms",
    title="Which algorithm respects what",
    claim="SGD, momentum, Adam, RMSProp and label noise end with one kernel whatever differs but "
    "stretched labels and uneven noise, AdamW and SAM nearly so; exact descent stays where it is.",
    dial=Dial(
        "column",
        "what differs between the students, or in their training",
        VALUES,
        scale="names",
        names=COLUMNS,
    ),
    problems=tuple(f"random problem, seed {seed}" for seed in PROBLEMS),
    curves=tuple(_curve(one) for one in CONTENDERS),
    limit="Exact as η → 0, with (1-β₂)/η, γ/η and ρ/η kept: measured at five or six learning "
    "rates and extrapolated.",
    seed=690_000,
    groups=(
        ("one difference, even noise, independent samples", VALUES[: len(BASE)]),
        ("depth, embeddings and view, trained otherwise", VALUES[len(BASE) :]),
    ),
    note="Cells of sign are measured at one slow time and not judged: theory is silent there, "
    "because steps of the sign leave the normal space and weights diffuse. This is a fifth "
    "run. In a first one, fitted by parabolas in 1 - A, 13 of 117 cells were more than 3 σ off, "
    "by up to 7.1. SAM at B = 16 in seven and at B = 1 in one: uphill, a gradient changed by up "
    "to 1.4 and 0.3 of itself, and theory has it small. Adam, AdamW and RMSProp with uneven "
    "noise in shuffled epochs, and RMSProp with even noise there: theory had left out third "
    "moments of samples, which push these rules. Adam with a whitened loss: kernels of two "
    "layers pass each other along the learning rates. Now theory has the third moments, SAM the "
    "same proportion of forces at both batch sizes, learning rates are lower where corrections "
    "are larger, and kernels are extrapolated. After a second run, of the cells that the first "
    "had missed, one prediction was made again, because it was off by 4.2 σ: that of SAM at B = "
    "16 in shuffled epochs was a mean over 4,096 random batches, and other draws of them moved it "
    "by as much; it is one over 131,072 of exact second moments now. In a third and a fourth run "
    "every rule agreed, and momentum and Adam would not have noticed a tenth. But both together "
    "had χ² 166 for 104 cells, from two causes: with uneven noise and independent samples "
    "alignment still rose along the learning rates, and of 1 - A below 1e-4 the way from the "
    "start, of which e⁻⁵ was left at burn-in, and a third power in epochs could be seen. Now "
    "learning rates are lower there, burn-in is twice as long, and epochs have that power.",
)
