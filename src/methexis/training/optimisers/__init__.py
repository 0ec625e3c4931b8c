"""Optimisers, as specifications that engines carry out; one file each, listed in `registry`."""

from methexis.training.optimisers.gradient_flow import GradientFlow
from methexis.training.optimisers.registry import KINDS, RULES, Optimiser
from methexis.training.optimisers.rule import Hyper, UpdateRule
from methexis.training.optimisers.sgd import SGD

__all__ = ["KINDS", "RULES", "SGD", "GradientFlow", "Hyper", "Optimiser", "UpdateRule"]
