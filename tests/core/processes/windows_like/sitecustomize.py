"""On the path of a Python process, this hides from Semivox what Windows has not, and gives it Windows' file locks.

Only modules of Semivox are deceived: libraries have paths of their own for Windows. The locks are real ones.
"""

import builtins
import errno
import os
import sys
import types

MISSING = {
    "os": {
        "pread",
        "pwrite",
        "readv",
        "sched_getaffinity",
        "O_DIRECTORY",
        "O_NOFOLLOW",
        "O_NONBLOCK",
        "getpgid",
        "fork",
    },
    "signal": {"SIGKILL", "SIGUSR1", "SIGUSR2", "SIGBUS", "pthread_kill", "SIGALRM"},
}
ABSENT = {"fcntl", "resource", "pwd", "grp"}
real = builtins.__import__


def deceive() -> None:
    """From here on, for modules whose name begins with ``semivox``."""
    shown = {name: _without(real(name), hidden) for name, hidden in MISSING.items()}
    shown["msvcrt"] = _msvcrt()
    shown["sys"] = _without(sys, ())
    shown["sys"].__dict__["platform"] = "win32"

    def imported(name, globals=None, locals=None, fromlist=(), level=0):
        if ((globals or {}).get("__name__") or "").split(".")[0] == "semivox" and level == 0:
            if name in ABSENT:
                raise ModuleNotFoundError(f"No module named '{name}'", name=name)
            if name in shown:
                return shown[name]
        return real(name, globals, locals, fromlist, level)

    builtins.__import__ = imported


def _without(module, hidden):
    """The module as a system shows it that lacks these names."""

    class Shown(types.ModuleType):
        def __getattr__(self, name):
            if name in hidden:
                raise AttributeError(f"module '{module.__name__}' has no attribute '{name}'")
            return getattr(module, name)

        def __setattr__(self, name, value):
            setattr(module, name, value)

    return Shown(module.__name__)


def _msvcrt():
    """``locking`` of Windows, by POSIX record locks: at the place where the file is, refused with EACCES."""
    fcntl = real("fcntl")
    module = types.ModuleType("msvcrt")
    module.LK_NBLCK, module.LK_UNLCK = 2, 0

    def locking(descriptor, mode, count):
        place = os.lseek(descriptor, 0, os.SEEK_CUR)
        if place >= 1 << 31:
            raise OSError(errno.EINVAL, "Windows counts places with 31 bits")
        how = fcntl.LOCK_UN if mode == module.LK_UNLCK else fcntl.LOCK_EX | fcntl.LOCK_NB
        try:
            fcntl.lockf(descriptor, how, count, place)
        except OSError as error:
            raise OSError(errno.EACCES, "Permission denied") from error

    module.locking = locking
    return module


deceive()
sys.windows_like = True
