"""XLA's compiled programs, kept between runs: compiling is a third of a run's start.

TensorFlow can keep compiled programs in a folder, and loads one only for the very same
operations. But it trusts the folder: it would run a damaged file as it is, and a run
ends if one cannot be read. So each process names it a folder of its own, puts copies
there whose SHA-256 was checked, and files away what TensorFlow adds.

A program is machine code for one processor. Another version of TensorFlow, another
processor and another number of cores have their own programs.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import importlib.metadata
import os
import platform
import shutil
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

from gan_tf.environment import hidden_messages

_FLAGS = "TF_XLA_FLAGS"
_TRIED = ("2.21.", "2.22.")  # TensorFlow ends the process if it does not know a flag
_KEPT = 8  # programs, the newest; 1.3 MB each at the default
_LARGEST = 64 << 20  # bytes of one program
_ROOM = 256 << 20  # bytes that must be free where TensorFlow writes
# What Linux says of a processor and does not change while it runs.
_PROCESSOR = {
    *("vendor_id", "cpu family", "model", "model name", "stepping", "flags"),
    *("CPU implementer", "CPU architecture", "CPU variant", "CPU part", "Features"),
}
# Settings that change what is compiled.
_SETTINGS = ("XLA_", "TF_", "OMP_", "KMP_", "DNNL_", "ONEDNN_")

_place: Path | None = None  # where this process's TensorFlow has its programs


def settings() -> dict[str, str]:
    """Environment variables that make TensorFlow keep its programs for the processor.

    It reads them while it is imported. None where that is done, where TF_XLA_FLAGS is
    set, with versions of TensorFlow that were not tried, and where the folder for
    temporary files has little room or a space in its name, which would divide flags.
    """
    global _place
    if "tensorflow" in sys.modules or _FLAGS in os.environ:
        return {}
    with contextlib.suppress(OSError, importlib.metadata.PackageNotFoundError):
        folder = Path(tempfile.gettempdir())
        tried = importlib.metadata.version("tensorflow").startswith(_TRIED)
        room = shutil.disk_usage(folder).free
        if tried and room >= _ROOM and str(folder).split() == [str(folder)]:
            _place = folder / f"gan_tf-{uuid.uuid4().hex}"
            atexit.register(shutil.rmtree, _place, ignore_errors=True)
            flags = "--tf_xla_persistent_cache_device_types=CPU"
            flags += f" --tf_xla_persistent_cache_directory={_place}"
            return {_FLAGS: flags}
    return {}


@contextlib.contextmanager
def reused_programs() -> Iterator[None]:
    """What is compiled inside comes from an earlier run, or is kept for later ones.

    Without `settings`, without a folder to keep them in, and on other systems than
    Linux it is compiled as always.
    """
    if _place is None:
        yield
        return
    cache = None
    try:
        cache = _cache()
        _lay_out(cache, _place)
    except (OSError, AttributeError, RuntimeError):  # not Linux; no home folder
        shutil.rmtree(_place, ignore_errors=True)
    # It compares the processor with what programs were compiled for, and takes two of
    # LLVM's preferences for missing features of it.
    with hidden_messages():
        yield
    if cache is not None:
        with contextlib.suppress(OSError):
            _file_away(_place, cache)
    shutil.rmtree(_place, ignore_errors=True)


def _cache() -> Path:
    """The folder of the programs for this TensorFlow on this processor.

    Raises:
        OSError: there is none, and none can be made.
    """
    lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    facts = [line for line in lines if line.partition(":")[0].strip() in _PROCESSOR]
    facts += [platform.machine(), str(len(os.sched_getaffinity(0)))]
    facts.append(importlib.metadata.version("tensorflow"))
    names = [name for name in sorted(os.environ) if name.startswith(_SETTINGS)]
    facts += [f"{name}={os.environ[name]}" for name in names]
    name = hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    cache = home / "gan_tf" / "programs" / name
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    if cache.stat().st_uid != os.getuid():
        raise PermissionError("the programs of another user")
    return cache


def _lay_out(cache: Path, place: Path) -> None:
    """Copies the sound programs to where TensorFlow looks for them.

    A file is named `<TensorFlow's name>.<SHA-256 of its content>`.
    """
    place.mkdir(mode=0o700, exist_ok=True)
    for path in _newest(cache):
        name, _, digest = path.name.rpartition(".")
        content = path.read_bytes() if path.stat().st_size <= _LARGEST else b""
        if hashlib.sha256(content).hexdigest() == digest:
            (place / name).write_bytes(content)
        else:
            path.unlink()


def _file_away(place: Path, cache: Path) -> None:
    """Keeps what is new, each file whole or not at all, and only the newest."""
    known = {path.name for path in _newest(cache)}
    for program in place.glob("*.pb"):
        content = program.read_bytes()
        name = f"{program.name}.{hashlib.sha256(content).hexdigest()}"
        if name not in known:
            part = cache / f"{uuid.uuid4().hex}.part"
            part.write_bytes(content)
            part.replace(cache / name)
    for path in _newest(cache)[_KEPT:]:
        path.unlink()


def _newest(cache: Path) -> list[Path]:
    """The cache's files, the newest first."""
    files = [path for path in cache.iterdir() if path.is_file()]
    return sorted(files, key=lambda path: path.stat().st_mtime, reverse=True)
