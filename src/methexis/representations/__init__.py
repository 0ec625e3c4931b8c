"""Representations from files: arrays that others made, checked, named and told where from."""

from methexis import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "opening": ["load"],
        "pooling": ["POOLS", "pool_tokens"],
        "representation": ["Representation", "Representations"],
    },
)
