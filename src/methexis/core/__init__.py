"""Nouns and their geometry: sources, views, students, charges, alignment, random streams."""

from methexis.core.charges import charge_step, gradient_charges
from methexis.core.checks import ConditionError, MethexisError
from methexis.core.edln import EDLN
from methexis.core.gap import canonical_gauge, entropic_gap
from methexis.core.geometry import LayerAlignment, align_maps, align_samples, gram_cosines
from methexis.core.mlp import MLP
from methexis.core.problem import Problem
from methexis.core.samples import Samples
from methexis.core.teacher import Teacher
from methexis.core.view import View

__all__ = [
    # sources and students
    "EDLN",
    "MLP",
    "Problem",
    "Samples",
    "Teacher",
    "View",
    # geometry of weights
    "LayerAlignment",
    "align_maps",
    "align_samples",
    "canonical_gauge",
    "charge_step",
    "entropic_gap",
    "gradient_charges",
    "gram_cosines",
    # errors
    "ConditionError",
    "MethexisError",
]
