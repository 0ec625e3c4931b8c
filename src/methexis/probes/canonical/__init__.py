"""A model brought to the canonical gauge of its interfaces, its function as it was."""

from methexis import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "canonicalizing": ["canonicalize"],
        "result": ["Canonical", "Turned"],
    },
)
