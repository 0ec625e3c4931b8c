"""From somebody's model to representations: its layers over many samples, proved and on disk."""

from methexis import lazy as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "canonical": ["Turned"],
        "canonical.command": ["run_canonicalize"],
        "interfaces": ["Element", "Interface"],
        "commands": ["Asked", "run_list", "run_probe"],
        "listing": ["LayerList", "LayerOutput", "list_layers"],
        "probing": ["probe"],
        "reducing": ["PROBE_POOLS"],
    },
)
