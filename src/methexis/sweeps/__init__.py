"""Sweeps: many runs over a design of parameters, on any executor, that go on where they were."""

from methexis import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
