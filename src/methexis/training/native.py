"""The native engine: compiled kernels behind the protocol of `training.engines`."""

from __future__ import annotations

from importlib.util import find_spec
from typing import NoReturn

from methexis.core.checks import MethexisError
from methexis.training.plan import Plan
from methexis.training.state import State

#: Whether the extension has been built; see CONTRIBUTING.md.
BUILT = find_spec("methexis._native") is not None


class NativeEngine:
    """Advances a `State` by compiled steps."""

    name = "native"
    stretch: int | None = 64

    def __init__(self, plan: Plan) -> None:
        raise MethexisError(f"native engine: {self.refusal(plan)}")

    @staticmethod
    def refusal(plan: Plan) -> str:
        """Why this engine cannot carry out ``plan``; empty if it can."""
        del plan
        if not BUILT:
            return (
                "expected the compiled extension methexis._native for 'native', got none; build "
                "it by installing methexis from source with a C++20 compiler"
            )
        return "expected kernels for this plan, got none yet"

    def start(self) -> NoReturn:
        """The state before the first step."""
        raise NotImplementedError

    def advance(self, state: State, until: int) -> None:
        """Advance ``state`` in place to step ``until``."""
        raise NotImplementedError

    def versions(self) -> dict[str, str]:
        """What the bits of the steps depend on, besides the plan."""
        raise NotImplementedError
