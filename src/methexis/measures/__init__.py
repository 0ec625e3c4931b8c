"""Measures of alignment, and the inference that makes their scores believable.

Names are in ``__init__.pyi``, where type checkers look for them; a module is imported when
one of its names is asked for.
"""

from methexis import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
