"""Settings of `verify`, and the problem they stand for."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from methexis.core.checks import MethexisError, boolean, integer, number, one_of
from methexis.core.edln import EDLN
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.training.plan import SAMPLINGS
from methexis.version import __version__

NOISES = ("isotropic", "anisotropic")
#: Condition number of the label noise when it is anisotropic.
NOISE_CONDITION = 25.0
#: Variance of the label noise over that of the signal. Weaker noise leaves SGD's weights less
#: jitter in a run of given length, until the learning rate that it asks for is no longer stable.
NOISE_STRENGTH = 0.25
#: What the worst pair of layers must reach (median over replicas) where theory predicts 1.
TARGET = 0.9999
#: Learning rate times the largest eigenvalue of the Hessian at the Platonic point, by default.
#: What fluctuations leave of ``1 - alignment`` is proportional to it over the batch size.
LR_TIMES_SHARPNESS, EASY_LR_TIMES_SHARPNESS = 0.125, 0.02
#: The same if easy and the loss is whitened against anisotropic noise: sharpness then is that of
#: few steep directions, in which jitter does no harm.
EASY_WHITENED_LR_TIMES_SHARPNESS = 0.08
#: Replicas whose control and prediction are computed: they cost more than SGD.
MOST_PREDICTED = 8


@dataclass(frozen=True)
class VerifySettings:
    """What to verify.

    Parameters
    ----------
    easy : bool
        Depths 2 and 3 and condition number 1.7 instead of depths 3 and 5 and 10.
    noise : {"isotropic", "anisotropic"}
        Label noise with a quarter of the signal's variance; anisotropic has condition number 25.
    sampling : {"online", "replace", "shuffle"}
        How samples are drawn; the last two from a product design.
    loss : {"squared", "whitened"}
        Loss.
    three_ways : bool
        Whether a second problem, with anisotropic noise, is trained in three ways as well.
    seed : int
        Seed of the problem and of the runs.
    replicas : int
        Independent repetitions.
    batch : int
        Batch size ``B``. For a given error the number of samples counts, so one is fastest.
    lr : float, optional
        First learning rate; by default 0.125 over the largest Hessian eigenvalue at the Platonic
        point (0.02 if easy).
    steps : int, optional
        SGD steps of every run; by default from the relaxation spectrum.

    Raises
    ------
    MethexisError
        On a value outside its range.
    """

    easy: bool = False
    noise: str = "isotropic"
    sampling: str = "online"
    loss: str = "squared"
    three_ways: bool = True
    seed: int = 0
    replicas: int = 32
    batch: int = 1
    lr: float | None = None
    steps: int | None = None

    def __post_init__(self) -> None:
        boolean("easy", self.easy)
        boolean("three_ways", self.three_ways)
        one_of("noise", self.noise, NOISES)
        one_of("sampling", self.sampling, [s for s in SAMPLINGS if s != "full"])
        one_of("loss", self.loss, ("squared", "whitened"))
        integer("seed", self.seed, least=0, most=2**63 - 1)
        integer("batch", self.batch, least=1)
        if integer("replicas", self.replicas, least=1) < 2:
            raise MethexisError("replicas: expected at least 2 (the verdict is a median), got 1")
        if self.lr is not None:
            number("lr", self.lr, above=0.0)
        if self.steps is not None:
            integer("steps", self.steps, least=1, most=10**10)

    @property
    def fingerprint(self) -> str:
        """What all that a verification depends on comes to: settings, and the version."""
        text = f"{__version__} {sorted(vars(self).items())}"
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def lr_times_sharpness(self) -> float:
        """Default of ``lr`` times the largest Hessian eigenvalue at the Platonic point."""
        if not self.easy:
            return LR_TIMES_SHARPNESS
        steep = self.noise == "anisotropic" and self.loss == "whitened"
        return EASY_WHITENED_LR_TIMES_SHARPNESS if steep else EASY_LR_TIMES_SHARPNESS

    @property
    def condition(self) -> float:
        """Condition number of the embeddings and views."""
        return 1.7 if self.easy else 10.0

    @property
    def predicted(self) -> int:
        """How many replicas, the first ones, have a control and a prediction."""
        return min(self.replicas, MOST_PREDICTED)

    @property
    def predicts_platonic(self) -> bool:
        """Whether theory predicts perfect alignment for this noise, sampling and loss."""
        return self.noise == "isotropic" or self.loss == "whitened" or self.sampling == "shuffle"

    def teacher(self) -> Teacher:
        """The data source: rank 3, inputs of dimension 5, labels of dimension 3."""
        return Teacher.random(
            dim_x=5,
            dim_y=3,
            noise=NOISE_STRENGTH,
            condition=4.0,
            condition_noise=1.0 if self.noise == "isotropic" else NOISE_CONDITION,
            seed=self.seed,
        )

    def source(self) -> Teacher | Samples:
        """The teacher, or a product design of it for the samplings that need a data set."""
        teacher = self.teacher()
        if self.sampling == "online":
            return teacher
        return teacher.product_samples(teacher.dim_x, teacher.dim_y + 1, seed=self.seed)

    def students(self) -> list[EDLN]:
        """Two students of different depth, widths, embeddings and views."""
        teacher = self.teacher()
        shapes = ((7,), (8, 6)) if self.easy else ((12, 10), (16, 12, 14, 10))
        return [
            EDLN.random(teacher, hidden, condition=self.condition, seed=2 * self.seed + 1 + k)
            for k, hidden in enumerate(shapes)
        ]
