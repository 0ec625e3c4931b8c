"""Training experiments: plans, engines behind one protocol, recording, labelled results."""

from methexis import lazy as _lazy
from methexis.training.optimisers import (
    SAM,
    SGD,
    Adam,
    AdamW,
    GradientFlow,
    RMSProp,
    SignSGD,
)
from methexis.training.prediction.predicted import Predicted
from methexis.training.records.run import Run, open_run

__all__ = [
    "SAM",
    "SGD",
    "Adam",
    "AdamW",
    "GradientFlow",
    "Predicted",
    "RMSProp",
    "Run",
    "SignSGD",
    "open_run",
]
__dir__ = _lazy.listed(__all__)
