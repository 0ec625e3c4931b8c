"""Properties that are computed once, without a lock that a fork could leave held.

`functools.cached_property` of Python 3.11 holds one lock per property, for all instances, while a
value is computed. A process that is forked while another thread computes one has that lock held for
good, by a thread that it does not have, and hangs at the next instance. Later versions have no
lock: two threads may compute a value twice, and both get the same.
"""

from __future__ import annotations

import sys
from functools import cached_property as _cached_property
from typing import Any, Self, TypeVar, overload

_T = TypeVar("_T")

if sys.version_info >= (3, 12):
    cached_property = _cached_property
else:

    class cached_property(_cached_property[_T]):
        """The property of later versions: it is computed at the first look and then kept."""

        @overload
        def __get__(self, instance: None, owner: type[Any] | None = None) -> Self: ...

        @overload
        def __get__(self, instance: object, owner: type[Any] | None = None) -> _T: ...

        def __get__(self, instance: object, owner: type[Any] | None = None) -> Self | _T:
            """The value that the instance keeps."""
            if instance is None:
                return self
            kept = vars(instance)
            if self.attrname not in kept:
                kept[str(self.attrname)] = self.func(instance)
            value: _T = kept[str(self.attrname)]
            return value
