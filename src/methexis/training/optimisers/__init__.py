"""Optimisers, as specifications that engines carry out; one file each, listed in `registry`."""

from methexis import lazy as _lazy
from methexis.training.optimisers.adam import Adam, AdamW
from methexis.training.optimisers.gradient_flow import GradientFlow
from methexis.training.optimisers.registry import KINDS, RULES, Optimiser
from methexis.training.optimisers.rmsprop import RMSProp
from methexis.training.optimisers.rule import Hyper, UpdateRule
from methexis.training.optimisers.sam import SAM
from methexis.training.optimisers.sgd import SGD
from methexis.training.optimisers.sign import SignSGD

__all__ = [
    "KINDS",
    "RULES",
    "SAM",
    "SGD",
    "Adam",
    "AdamW",
    "GradientFlow",
    "Hyper",
    "Optimiser",
    "RMSProp",
    "SignSGD",
    "UpdateRule",
]
__dir__ = _lazy.listed(__all__)
