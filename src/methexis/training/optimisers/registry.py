"""The registry of optimisers: adding one is one file, a line here, and its cases in the tests."""

from __future__ import annotations

from methexis.training.optimisers.gradient_flow import GradientFlow
from methexis.training.optimisers.rule import UpdateRule
from methexis.training.optimisers.sgd import SGD

#: Every rule that makes steps, under its public name.
RULES: dict[str, type[UpdateRule]] = {rule.__name__: rule for rule in (SGD,)}

#: Every formula of a step; an engine that knows them all can carry out every rule.
KINDS = ("sgd", "heavy_ball", "nesterov")

#: What `methexis.train` takes.
Optimiser = UpdateRule | GradientFlow
