"""Which maps must be allowed before one representation predicts the other.

The room is called *explaining* because ``mx.explain`` is the function: a module of that name would
take its place as soon as somebody imports it.
"""

from methexis import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
