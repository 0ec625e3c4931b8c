"""Representations from files: arrays that others made, checked, named and told where from."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "opening": ["load"],
        "pooling": ["POOLS"],
        "representation": ["Representation", "Representations"],
    },
)
