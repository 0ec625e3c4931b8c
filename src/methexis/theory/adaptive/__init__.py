"""Adam and RMSProp: the potential that they lower, its least value, and their slow motion.

docs/adaptive.md has the derivation. `potential` has ``U`` and its gradient, `minimum` the closed
form of its least value with the bound, `slow` the velocity along the minima, `path` follows it and
`ends` finds where it comes to rest.
"""

from methexis import lazy as _lazy
from methexis.theory.adaptive.ends import adaptive_fixed_point
from methexis.theory.adaptive.minimum import AdaptiveMinimum, adaptive_bound, adaptive_minimum
from methexis.theory.adaptive.path import adaptive_drift, adaptive_flow
from methexis.theory.adaptive.potential import adaptive_gradient, adaptive_potential

__all__ = [
    "AdaptiveMinimum",
    "adaptive_bound",
    "adaptive_drift",
    "adaptive_fixed_point",
    "adaptive_flow",
    "adaptive_gradient",
    "adaptive_minimum",
    "adaptive_potential",
]
__dir__ = _lazy.listed(__all__)
