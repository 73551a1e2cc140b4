"""XLA's compiled programs, kept between runs, which then start in 3/4 of the time.

TensorFlow can keep compiled programs in a folder, and loads one only for the very same
operations. But it trusts the folder: it would run a damaged file as it is. So each
process gives it a folder of its own, with copies of programs whose SHA-256 was checked,
and keeps what TensorFlow adds.

A program is machine code for one processor: the names of the files that are kept begin
with a digest of processor, versions, settings and options.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from gan_tf.config import Config
from gan_tf.environment import hidden_messages

_FLAGS = "TF_XLA_FLAGS"
_TRIED = "2.21."  # TensorFlow ends the process if it does not know a flag
_KEPT = 16  # programs, those used last; 1.3 MB each at the default
_LARGEST = 8 << 20  # bytes of a program
_ABANDONED = 24 * 3600  # seconds: a process that takes so long to compile is gone
# What Linux says of a processor and does not change while it runs.
_PROCESSOR = {
    *("vendor_id", "cpu family", "model", "model name", "stepping", "flags"),
    *("CPU implementer", "CPU architecture", "CPU variant", "CPU part", "Features"),
}
# Beginnings of names in the environment that change what is compiled.
_SETTINGS = ("XLA_", "TF_", "OMP_", "KMP_", "DNNL_", "ONEDNN_")
# Options that do not change the program.
_OTHERS = ("seed", "data_dir", "epochs", "sample_every", "save_every")
# For each program XLA says that the processor lacks two features, which are settings of
# LLVM, and TensorFlow that the file is no text.
_FALSE_ALARMS = (
    "Target machine feature +prefer-no-",
    "Error parsing text-format tensorflow.XlaSerializedCacheEntry",
)

Result = TypeVar("Result")

# This process's folder for TensorFlow, and how the files begin that it may use.
_place: Path | None = None
_key = ""


def settings(config: Config) -> dict[str, str]:
    """Environment variables that make TensorFlow keep and use programs on CPUs.

    It reads them while it is imported. None where that may do harm, or where nothing
    can be kept: on other systems than Linux, where TF_XLA_FLAGS is set, with versions
    of TensorFlow that were not tried, in a folder that others can write or that has a
    space in its name, which would divide flags, and with little room.
    """
    global _place, _key
    if not config.jit_compile or _FLAGS in os.environ or "tensorflow" in sys.modules:
        return {}
    place = None
    try:
        _key = _digest(config)
        cache = _cache()
        place = Path(tempfile.mkdtemp(prefix="run-", dir=cache))
        atexit.register(shutil.rmtree, place, ignore_errors=True)
        _check_room(place)
        _lay_out(cache, _key, place)
    except Exception:  # whatever it is, the run works without
        if place is not None:
            shutil.rmtree(place, ignore_errors=True)
        return {}
    _place = place
    flags = f"--tf_xla_persistent_cache_directory={place}"
    return {_FLAGS: f"{flags} --tf_xla_persistent_cache_device_types=CPU"}


def with_kept_programs(compiled: Callable[[], Result]) -> Result:
    """What `compiled` returns, from an earlier run's program or with it kept.

    Without `settings` it is compiled as always. If a kept program may be why it fails,
    that is removed and `compiled` called again.
    """
    if _place is None:
        return compiled()
    cache = _place.parent
    result = _loaded(compiled, cache) if any(_place.glob("*")) else compiled()
    with contextlib.suppress(OSError):
        _keep_new(_place, cache, _key)
    shutil.rmtree(_place, ignore_errors=True)
    return result


def _loaded(compiled: Callable[[], Result], cache: Path) -> Result:
    """What `compiled` returns with the kept programs or, if it fails, without them."""
    assert _place is not None
    try:
        with hidden_messages(_FALSE_ALARMS):
            return compiled()
    except Exception:
        shutil.rmtree(_place, ignore_errors=True)
        for path in cache.glob(f"{_key}.*"):
            with contextlib.suppress(OSError):
                path.unlink()
    return compiled()


def _digest(config: Config) -> str:
    """Names what a program depends on, as far as TensorFlow does not check it itself.

    Raises:
        OSError, ImportError: it is not known.
    """
    text = Path("/proc/cpuinfo").read_text(errors="replace")
    lines = text.split("\n\n")[0].splitlines()  # of the first processor
    facts = [line for line in lines if line.partition(":")[0].strip() in _PROCESSOR]
    if not facts:
        raise OSError("an unknown processor")
    facts += [platform.machine(), str(len(os.sched_getaffinity(0)))]
    tensorflow = importlib.metadata.distribution("tensorflow")
    if not tensorflow.version.startswith(_TRIED):
        raise OSError("not tried")
    code = Path(str(tensorflow.locate_file("tensorflow/__init__.py")))
    facts += [tensorflow.version, str(code), str(code.stat().st_mtime_ns)]  # the build
    names = [name for name in sorted(os.environ) if name.startswith(_SETTINGS)]
    facts += [f"{name}={os.environ[name]}" for name in names]
    options = {k: v for k, v in config.to_dict().items() if k not in _OTHERS}
    facts.append(json.dumps(options, sort_keys=True))
    return hashlib.sha256(os.fsencode("\n".join(facts))).hexdigest()[:16]


def _cache() -> Path:
    """The folder of all programs, without what ended processes have left there.

    Raises:
        OSError: there is none that is this user's alone.
        RuntimeError: the user has no home folder.
    """
    home = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not home.is_absolute():  # as the XDG base directory specification demands
        home = Path.home() / ".cache"
    cache = home / "gan_tf" / "programs"
    if str(cache).split() != [str(cache)]:
        raise OSError("a space")
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_owned(cache, stat.S_ISDIR)
    for left in cache.glob("run-*"):
        if time.time() - left.lstat().st_mtime > _ABANDONED:
            shutil.rmtree(left, ignore_errors=True)
    return cache


def _check_owned(path: Path, kind: Callable[[int], bool]) -> None:
    """Raises `OSError` unless nobody else can have changed it; it is no link."""
    found = path.lstat()
    if not kind(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise PermissionError(f"{path} may be another user's")


def _check_room(place: Path) -> None:
    """Raises `OSError` where no program could be written: no room, quotas, limits."""
    with tempfile.TemporaryFile(dir=place) as file:
        os.posix_fallocate(file.fileno(), 0, _LARGEST)


def _lay_out(cache: Path, key: str, place: Path) -> None:
    """Copies the sound programs to where TensorFlow finds them, and removes the others.

    A file is named `<key>.<TensorFlow's name>.<SHA-256 of its content>`.
    """
    for path in cache.glob(f"{key}.*"):
        name, _, digest = path.name.removeprefix(f"{key}.").rpartition(".")
        content = b""
        with contextlib.suppress(OSError):
            _check_owned(path, stat.S_ISREG)
            if path.stat().st_size <= _LARGEST:
                content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() == digest:
            (place / name).write_bytes(content)
            os.utime(path)  # it is used
        else:
            path.unlink()


def _keep_new(place: Path, cache: Path, key: str) -> None:
    """Keeps what TensorFlow added, and of all programs those that were used last."""
    kept = {path.name.rpartition(".")[0] for path in cache.glob(f"{key}.*")}
    for program in place.glob("*.pb"):
        name = f"{key}.{program.name}"
        if name not in kept and program.stat().st_size <= _LARGEST:
            digest = hashlib.sha256(program.read_bytes()).hexdigest()
            program.chmod(0o600)
            program.replace(cache / f"{name}.{digest}")
    programs = sorted(cache.glob("*.pb.*"), key=lambda path: path.stat().st_mtime)
    for path in programs[:-_KEPT]:
        path.unlink()
