"""Names that are imported when they are first used, also while other threads fork.

A child process has one thread. If another one was importing when it was made, Python's lock of that
module is held in the child for good, and the child would hang when it needs the module itself. So a
fork waits until no name is being imported here: a second or two, once in the life of a process. It
must wait before it takes the locks of logging and of pools of threads, which an import may need;
hooks run in the reverse order of their registration, so the modules that have any come first. Where
waiting did not help, the child is told instead of hanging.
"""

from __future__ import annotations

import concurrent.futures.thread  # noqa: F401  registers its hook
import logging  # noqa: F401  likewise
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

import lazy_loader

from methexis.errors import MethexisError

#: Seconds that a fork waits at most: an import may itself wait for what the forking thread holds.
_PATIENCE = 10.0


class _Importing:
    """Who is importing now: one thread, or none.

    Attributes
    ----------
    broken : bool
        Whether this process was forked while another thread was at it.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.broken = False
        self._held = False

    def before(self) -> None:
        """Wait for the end of an import in another thread."""
        self._held = self.lock.acquire(timeout=_PATIENCE)

    def in_parent(self) -> None:
        """Let imports go on."""
        if self._held:
            self.lock.release()

    def in_child(self) -> None:
        """Make the lock one that no thread of the parent holds."""
        self.broken |= not self._held
        if self._held:
            self.lock.release()
        else:
            self.lock = threading.RLock()


_importing = _Importing()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_importing.before,
        after_in_parent=_importing.in_parent,
        after_in_child=_importing.in_child,
    )


def attach(
    package: str, submodules: Sequence[str] = (), submod_attrs: dict[str, list[str]] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """``__getattr__``, ``__dir__`` and ``__all__`` of a package, as of `lazy_loader.attach`."""
    load, names, public = lazy_loader.attach(package, list(submodules), submod_attrs)
    return _guarded(package, load), names, public


def attach_stub(
    package: str, file: str
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """The same as `attach`, with the names that the stub beside the package's file imports."""
    load, names, public = lazy_loader.attach_stub(package, file)
    return _guarded(package, load), names, public


def listed(public: Sequence[str]) -> Callable[[], list[str]]:
    """``__dir__`` of a module that is loaded whole: its public names, and no imports of its own."""
    return lambda: sorted(public)


def _guarded(package: str, load: Callable[[str], Any]) -> Callable[[str], Any]:
    def loaded(name: str) -> Any:
        if _importing.broken:
            raise MethexisError(
                f"{package}.{name}: expected a process that was not forked while a thread of its "
                "parent was importing, got one that was; import before forking, or spawn processes"
            )
        with _importing.lock:
            return load(name)

    return loaded
