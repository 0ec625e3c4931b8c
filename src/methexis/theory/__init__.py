"""Closed forms and slow dynamics (NumPy and SciPy only; shares no code with what it judges)."""

from methexis import lazy as _lazy
from methexis.core.layers.charges import charge_step
from methexis.theory.adaptive import (
    AdaptiveMinimum,
    adaptive_bound,
    adaptive_drift,
    adaptive_fixed_point,
    adaptive_flow,
    adaptive_gradient,
    adaptive_minimum,
    adaptive_potential,
)
from methexis.theory.batch_sharpness import batch_sharpness
from methexis.theory.curvature import (
    hessian_spectrum,
    hessian_trace,
    sharpness,
    top_eigenvalues,
)
from methexis.theory.entropy import (
    balance,
    charges,
    entropic_loss,
    entropy,
    entropy_gradient,
    gaps,
)
from methexis.theory.fixed_points.decay import decay_fixed_point
from methexis.theory.fixed_points.deficit import deficit_fixed_point
from methexis.theory.fixed_points.drift import drift_fixed_point, slow_drift
from methexis.theory.fixed_points.edge import edge_fixed_point
from methexis.theory.fixed_points.steady import FixedPoint
from methexis.theory.flow import entropic_flow, modified_flow
from methexis.theory.gauge import apply_gauge, balanced_minimum, random_minimum
from methexis.theory.irreversibility import unreturned
from methexis.theory.label_noise import (
    label_noise_fixed_point,
    label_noise_minimum,
    label_noise_potential,
)
from methexis.theory.path import SlowPath
from methexis.theory.platonic import (
    PlatonicSolution,
    entropy_bound,
    platonic,
    universal_kernel,
)
from methexis.theory.projection import project
from methexis.theory.relaxation import Relaxation, relaxation
from methexis.theory.sam import sam_fixed_point, sam_gradient, sam_potential

__all__ = [
    # closed forms
    "PlatonicSolution",
    "entropy_bound",
    "platonic",
    "universal_kernel",
    # at any weights
    "balance",
    "batch_sharpness",
    "charge_step",
    "charges",
    "entropic_loss",
    "entropy",
    "entropy_gradient",
    "gaps",
    "hessian_spectrum",
    "hessian_trace",
    "sharpness",
    "top_eigenvalues",
    "unreturned",
    # minima
    "apply_gauge",
    "balanced_minimum",
    "project",
    "random_minimum",
    # slow dynamics
    "FixedPoint",
    "Relaxation",
    "SlowPath",
    "decay_fixed_point",
    "deficit_fixed_point",
    "drift_fixed_point",
    "edge_fixed_point",
    "entropic_flow",
    "modified_flow",
    "relaxation",
    "slow_drift",
    # Adam and RMSProp
    "AdaptiveMinimum",
    "adaptive_bound",
    "adaptive_drift",
    "adaptive_fixed_point",
    "adaptive_flow",
    "adaptive_gradient",
    "adaptive_minimum",
    "adaptive_potential",
    # sharpness-aware minimisation; exact gradients with label noise
    "label_noise_fixed_point",
    "label_noise_minimum",
    "label_noise_potential",
    "sam_fixed_point",
    "sam_gradient",
    "sam_potential",
]
__dir__ = _lazy.listed(__all__)
