"""The registry of optimisers: adding one is one file, a line here, and its native side.

`tests/training/optimisers/test_complete.py` names every other place that has to know of it.
"""

from __future__ import annotations

from methexis.training.optimisers.adam import Adam, AdamW
from methexis.training.optimisers.gradient_flow import GradientFlow
from methexis.training.optimisers.rmsprop import RMSProp
from methexis.training.optimisers.rule import UpdateRule
from methexis.training.optimisers.sam import SAM
from methexis.training.optimisers.sgd import SGD
from methexis.training.optimisers.sign import SignSGD

#: Every rule that makes steps, under its public name.
RULES: dict[str, type[UpdateRule]] = {
    rule.__name__: rule for rule in (SGD, Adam, AdamW, RMSProp, SignSGD, SAM)
}

#: Every formula of a step, in the order of `Optimiser` in native/spec.hpp; an engine that knows
#: them all can carry out every rule.
KINDS = ("sgd", "heavy_ball", "nesterov", "adam", "rmsprop", "sign", "sam")

#: What `methexis.train` takes.
Optimiser = UpdateRule | GradientFlow
