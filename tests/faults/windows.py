"""Runs commands where what Windows lacks is missing: `windows.py COMMAND FLAGS , ...`.

Played: there are no `fcntl`, `pwd`, `O_NOFOLLOW`, `SIGHUP` and the like; a folder can
be neither opened nor synced; a file that this process has open can be neither removed
nor replaced nor renamed.

Not played: the lock. Here `filelock` says that there is none, and the run warns of it;
on Windows it takes `LockFileEx`. Nor drive letters, reserved names, other encodings,
and what TensorFlow's own code does with files.
"""

import builtins
import errno
import importlib
import io
import os
import pathlib
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from typing import Any

MODULES = ("fcntl", "pwd", "grp", "resource", "termios", "posix_ipc")
SYSTEM = ("O_NOFOLLOW", "O_DIRECTORY", "O_TMPFILE", "getuid", "geteuid", "chown")
SIGNALS = ("HUP", "KILL", "ALRM", "PIPE", "QUIT", "USR1", "USR2", "CHLD", "TSTP")


def play() -> None:
    """Takes away what Windows does not have, before anything of ours is imported."""
    for name in MODULES:
        sys.modules[name] = None
    for name in SYSTEM:
        if hasattr(os, name):
            delattr(os, name)
    for name in SIGNALS:
        delattr(signal, f"SIG{name}")
    shutil._use_fd_functions = False  # it would open folders
    tempfile.TemporaryFile = tempfile.NamedTemporaryFile  # as on Windows
    for module, name in ((os, "open"), (builtins, "open"), (io, "open")):
        setattr(module, name, without_folders(getattr(module, name)))
    for name in ("unlink", "remove", "rmdir", "replace", "rename"):
        guarded = of_closed_files(getattr(os, name))
        setattr(os, name, guarded)
        accessor = getattr(pathlib, "_NormalAccessor", None)  # Python 3.10
        if accessor and hasattr(accessor, name):
            setattr(accessor, name, staticmethod(guarded))


def without_folders(plain: Callable) -> Callable:
    """`open` that refuses folders as Windows does."""

    def opened(path: Any, *arguments: Any, **settings: Any) -> Any:
        by_name = not isinstance(path, int) and "opener" not in settings
        if by_name and os.path.isdir(path):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return plain(path, *arguments, **settings)

    return opened


def of_closed_files(plain: Callable) -> Callable:
    """A function of paths that refuses files that are open, and folders of such."""

    def done(*paths: Any, **settings: Any) -> Any:
        for path in map(os.path.realpath, paths):
            for file in open_files():
                if file == path or file.startswith(path + os.sep):
                    raise PermissionError(errno.EACCES, "It is in use", str(path))
        return plain(*paths, **settings)

    return done


def open_files() -> list[str]:
    """The files that this process has open."""
    found = []
    for handle in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink(f"/proc/self/fd/{handle}"))
        except OSError:
            continue  # the list's own
    return found


def main() -> None:
    """Runs the commands one after the other; the first failure ends it."""
    play()
    from gan_tf import cli

    commands: list[list[str]] = [[]]
    for argument in sys.argv[1:]:
        if argument == ",":
            commands.append([])
        else:
            commands[-1].append(argument)
    from gan_tf.evaluation import scores

    scores.COUNT = 300  # samples: the files are what counts
    for name, *flags in commands:
        module = importlib.import_module(f"gan_tf.{name}")
        parser = module.parser()
        code = cli.exit_code(parser.prog, module.main, parser.parse_args(flags))
        if code:
            sys.exit(f"{name} ended with {code}")


if __name__ == "__main__":
    main()
