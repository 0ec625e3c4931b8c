"""Drawing of arrays on axes; it knows no noun, so that the data can be drawn elsewhere too.

Names are in ``__init__.pyi``. Matplotlib is loaded with the first of them that is asked for, so a
result can say how it is drawn without loading what draws it.
"""

from methexis import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
