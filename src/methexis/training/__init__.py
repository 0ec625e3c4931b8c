"""SGD experiments: plans, engines behind one protocol, recording, labelled results."""

from methexis.training.optimisers import SGD, GradientFlow
from methexis.training.run import Run, open_run
from methexis.training.train import train

__all__ = ["SGD", "GradientFlow", "Run", "open_run", "train"]
