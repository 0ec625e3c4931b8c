from .canonicalizing import canonicalize as canonicalize
from .result import Canonical as Canonical
from .result import Turned as Turned
