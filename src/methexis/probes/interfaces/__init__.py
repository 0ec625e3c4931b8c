"""Where two maps of a model meet, and the group of changes there that leaves its function alone."""

from methexis import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "elements": ["Element"],
        "finding": ["interfaces"],
        "interface": ["Interface"],
        "result": ["Interfaces"],
    },
)
