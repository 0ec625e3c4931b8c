"""Errors that a user can act on; importable without NumPy, so that the CLI starts fast."""


class MethexisError(ValueError):
    """Bad input, in one sentence that says what was expected and what came."""


class ConditionError(MethexisError):
    """A condition of the theorem fails.

    Attributes
    ----------
    condition : str
        Short name of the condition, e.g. ``"width below rank"``.
    """

    def __init__(self, condition: str, message: str) -> None:
        super().__init__(f"{condition}: {message}")
        self.condition = condition


class DegenerateWarning(UserWarning):
    """A score is what was asked for, and says little: what degenerates, and what to do about it."""
