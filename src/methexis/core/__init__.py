"""Nouns and their geometry: sources, views, students, charges, alignment, random streams.

Names are in ``__init__.pyi``, where type checkers look for them; a module is imported when
one of its names is asked for, so that checking an array does not load what students are.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
