"""The theorem, verified in four steps: what ``methexis verify`` does."""

from methexis.scenarios.verify.job import run_verify
from methexis.scenarios.verify.result import Verdict, VerifyResult, Way
from methexis.scenarios.verify.settings import VerifySettings

__all__ = ["Verdict", "VerifyResult", "VerifySettings", "Way", "run_verify"]
