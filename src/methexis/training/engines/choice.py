"""Engines: what advances a run, and the choice between them.

An engine is a class with the methods of `Engine`. It says itself why it cannot carry out a plan,
so the choice needs no knowledge of any engine: ``"auto"`` takes the first one of `ENGINES` that has
no reason to refuse.
"""

from __future__ import annotations

from typing import Protocol

from methexis.core.checks import MethexisError
from methexis.training.engines.flow import FlowEngine
from methexis.training.engines.native import NativeEngine
from methexis.training.engines.reference import ReferenceEngine
from methexis.training.engines.state import State
from methexis.training.plan import Plan, numpy_versions


class Engine(Protocol):
    """What `train` asks of an engine."""

    name: str  # for provenance and checkpoints
    #: Steps of the first call of `advance`, before it is known how long a step takes; None where
    #: nothing is gained by stopping between recorded steps.
    stretch: int | None

    def __init__(self, plan: Plan) -> None: ...

    @staticmethod
    def refusal(plan: Plan) -> str:
        """Why this engine cannot carry out ``plan``, as what was expected; empty if it can."""
        ...

    def start(self) -> State:
        """The state before the first step."""
        ...

    def advance(self, state: State, until: int) -> None:
        """Advance ``state`` in place to step ``until``; the bits do not depend on the cuts."""
        ...

    def versions(self) -> dict[str, str]:
        """What the bits of the steps depend on, besides the plan."""
        ...


#: Engines in the order in which ``"auto"`` tries them.
ENGINES: tuple[type[Engine], ...] = (NativeEngine, ReferenceEngine, FlowEngine)


def choose_engine(plan: Plan) -> type[Engine]:
    """The engine that ``plan.engine`` names; gradient flow has its own, whatever it names.

    Raises
    ------
    MethexisError
        If the engine asked for cannot carry out the plan.
    """
    refusals = {engine.name: engine.refusal(plan) for engine in ENGINES}
    if plan.engine == "native" and refusals["native"]:
        raise MethexisError(f"engine: {refusals['native']}, or engine='reference'")
    for engine in ENGINES:
        if not refusals[engine.name] and plan.engine in ("auto", engine.name):
            return engine
    return FlowEngine


def made_with(engine: Engine) -> dict[str, str]:
    """What the bits of a run depend on besides its plan: engine and versions."""
    return {"engine": engine.name} | numpy_versions() | engine.versions()
