"""What the package asks of the system is there on Windows and macOS, or asked for with a guard.

No such machine runs these tests: they read the source. A name of `os` or `signal` that Windows
lacks may be used where something says that it is there: ``if hasattr(os, "fork")``, ``try`` with
``except AttributeError``, a look at ``os.name`` or ``sys.platform``. Text files name their
encoding, which is not UTF-8 everywhere.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src"
FILES = sorted(SOURCE.rglob("*.py"))

#: Modules of the standard library that Windows lacks.
ELSEWHERE = {
    "curses", "fcntl", "grp", "posix", "pty", "pwd", "readline", "resource", "spwd", "syslog",
    "termios", "tty",
}  # fmt: skip
#: Names that Windows lacks; some of them macOS, too (`os.sched_getaffinity`).
ABSENT = {
    "os": {
        "chown", "chroot", "confstr", "ctermid", "eventfd", "fchdir", "fchmod", "fchown",
        "fdatasync", "fork", "forkpty", "fpathconf", "fstatvfs", "getegid", "geteuid", "getgid",
        "getgroups", "getloadavg", "getpgid", "getpgrp", "getpriority", "getresuid", "getsid",
        "getuid", "killpg", "lchown", "lockf", "major", "makedev", "memfd_create", "minor",
        "mkfifo", "mknod", "nice", "openpty", "pathconf", "pidfd_open", "posix_fadvise",
        "posix_fallocate", "posix_spawn", "pread", "preadv", "pwrite", "pwritev",
        "register_at_fork", "sched_getaffinity", "sched_setaffinity", "sched_yield", "sendfile",
        "setegid", "seteuid", "setgid", "setpgid", "setpriority", "setsid", "setuid", "statvfs",
        "sync", "sysconf", "tcgetpgrp", "tcsetpgrp", "ttyname", "uname", "wait", "wait3", "wait4",
        "waitid", "O_CLOEXEC", "O_DIRECT", "O_DIRECTORY", "O_DSYNC", "O_NOFOLLOW", "O_NONBLOCK",
        "O_SYNC", "O_TMPFILE",
    },
    "signal": {
        "SIGALRM", "SIGBUS", "SIGCHLD", "SIGCONT", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT",
        "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGUSR1", "SIGUSR2", "SIGWINCH", "alarm",
        "getitimer", "pause", "pthread_kill", "pthread_sigmask", "setitimer", "siginterrupt",
        "sigpending", "sigtimedwait", "sigwait", "sigwaitinfo",
    },
    "select": {"epoll", "kqueue", "poll"},
    "socket": {"AF_UNIX", "socketpair"},
    "time": {"clock_gettime", "pthread_getcpuclockid", "tzset"},
}  # fmt: skip


#: Files without any of these words are not parsed.
WORDS = re.compile(rf"\b(?:{'|'.join((*ELSEWHERE, *ABSENT))})\b|\bopen\(|\.(?:read|write)_text\(")


def parents(tree: ast.Module) -> dict[ast.AST, ast.AST]:
    return {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}


def of_system(test: ast.expr) -> bool:
    """Whether a condition asks for the system, so that either branch knows it."""
    text = ast.unparse(test)
    return "os.name" in text or "sys.platform" in text


def looks(test: ast.expr, module: str, name: str) -> bool:
    """Whether a condition asks for a name of a module, or for the system."""
    return f"hasattr({module}, '{name}')" in ast.unparse(test) or of_system(test)


def catches(handler: ast.ExceptHandler, errors: set[str]) -> bool:
    return handler.type is None or bool(
        errors & {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}
    )


def says_so(parent: ast.AST, child: ast.AST, module: str, name: str) -> bool:
    """Whether a node says of one of its children that a name of a module is there."""
    if isinstance(parent, ast.IfExp):
        return child is parent.body and looks(parent.test, module, name)
    if isinstance(parent, ast.If):
        there = child in parent.body and looks(parent.test, module, name)
        return there or (child in parent.orelse and of_system(parent.test))
    if isinstance(parent, ast.BoolOp) and isinstance(parent.op, ast.And):
        before = itertools.takewhile(lambda value: value is not child, parent.values)
        return any(looks(value, module, name) for value in before)
    if isinstance(parent, ast.Try):
        errors = {"AttributeError"} if name else {"ImportError", "ModuleNotFoundError"}
        return child in parent.body and any(catches(each, errors) for each in parent.handlers)
    if isinstance(parent, ast.FunctionDef):
        before_it = itertools.takewhile(lambda statement: statement is not child, parent.body)
        return any(
            isinstance(earlier, ast.If)
            and looks(earlier.test, module, name)
            and isinstance(earlier.body[-1], ast.Return | ast.Raise)
            for earlier in before_it
        )
    return False


def guarded(node: ast.AST, above: dict[ast.AST, ast.AST], module: str, name: str) -> bool:
    """Whether something around a node, or before it in its block, says that the name is there."""
    while node in above:
        if says_so(above[node], node, module, name):
            return True
        node = above[node]
    return False


def unportable(text: str) -> Iterator[str]:
    """What a source asks of the system that some systems do not have."""
    tree = ast.parse(text)
    above = parents(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            module = getattr(node, "module", None)
            for name in [module] if module else names:
                if name.split(".")[0] in ELSEWHERE and not guarded(node, above, name, ""):
                    yield f"{node.lineno}: import {name}"
            for name in names if module in ABSENT else ():
                if name in ABSENT[module] and not guarded(node, above, module, ""):
                    yield f"{node.lineno}: {module}.{name}"
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module, name = node.value.id, node.attr
            if name in ABSENT.get(module, ()) and not guarded(node, above, module, name):
                yield f"{node.lineno}: {module}.{name}"
        elif isinstance(node, ast.Call) and without_encoding(node):
            yield f"{node.lineno}: {ast.unparse(node)} without encoding"


def without_encoding(call: ast.Call) -> bool:
    """Whether a call opens, reads or writes text in the encoding of the machine."""
    named = {keyword.arg for keyword in call.keywords}
    if "encoding" in named:
        return False
    if isinstance(call.func, ast.Attribute) and call.func.attr == "read_text":
        return not call.args
    if isinstance(call.func, ast.Attribute) and call.func.attr == "write_text":
        return len(call.args) < 2
    if isinstance(call.func, ast.Name) and call.func.id == "open":
        mode = call.args[1] if len(call.args) > 1 else None
        return not (isinstance(mode, ast.Constant) and "b" in str(mode.value))
    return False


def test_nothing_is_asked_that_a_system_lacks() -> None:
    asked = [
        f"{path.relative_to(SOURCE)}:{line}"
        for path in FILES
        if WORDS.search(text := path.read_text(encoding="utf-8"))
        for line in unportable(text)
    ]
    assert not asked, "guard by hasattr, or do without: " + ", ".join(asked)


@pytest.mark.parametrize(
    "text",
    [
        "import fcntl",
        "from pwd import getpwuid",
        "from os import fork",
        "import os\nos.fork()",
        "import os, signal\nos.kill(1, signal.SIGKILL)",
        "import os\nif hasattr(os, 'getuid'):\n    os.fork()",  # asks for another name
        "import os\nx = 0 if hasattr(os, 'getuid') else os.getuid()",
        "import os\ntry:\n    os.fork()\nexcept OSError:\n    pass",
        "import os\ntry:\n    pass\nexcept AttributeError:\n    os.fork()",
        "import os\nif hasattr(os, 'fork'):\n    pass\nelse:\n    os.fork()",
        "import os\nos.getuid() and hasattr(os, 'getuid')",
        "Path('a').read_text()",
        "Path('a').write_text('b')",
        "open('a')",
        "open('a', 'w')",
    ],
)
def test_what_is_not_guarded_is_seen(text: str) -> None:
    assert list(unportable(text))


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    import fcntl\nexcept ImportError:\n    fcntl = None",
        "import sys\nif sys.platform != 'win32':\n    import fcntl",
        "import os\nif hasattr(os, 'fork'):\n    os.fork()",
        "import os\nif os.name == 'nt':\n    pass\nelse:\n    os.fork()",
        "import os\nuser = os.getuid() if hasattr(os, 'getuid') else 0",
        "import os\nmine = hasattr(os, 'getuid') and os.getuid() == 0",
        "import os\ntry:\n    os.sysconf('x')\nexcept (AttributeError, OSError):\n    pass",
        "import os\ndef f():\n    if os.name == 'nt':\n        return\n    os.fork()",
        "import signal\nsignal.signal(signal.SIGINT, print)",
        "Path('a').read_text(encoding='utf-8')",
        "open('a', 'rb')",
    ],
)
def test_what_is_guarded_passes(text: str) -> None:
    assert list(unportable(text)) == []
