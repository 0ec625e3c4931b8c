"""Using what two representations share: translation between them.

The room is called *transport* because ``mx.translate`` is the function: a module of that name would
take its place as soon as somebody imports it.
"""

from methexis import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
