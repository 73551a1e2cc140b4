"""What is set before TensorFlow, Keras and Matplotlib are imported, and around them.

Settings of the user's shell, of `~/.keras/keras.json`, of a `matplotlibrc` or of the
calling program change neither the numbers of a run nor whether it works. Imports of
libraries are inside the functions, so that `--help` answers at once.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import gc
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

from gan_tf.errors import UserError

_KERAS_DEFAULTS = {
    "floatx": "float32",
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
    "dtype_policy": "float32",
}
# What TensorFlow and Keras do not require but import if it is there, and nothing here
# needs of them: a third of their time.
_OPTIONAL = ("jax", "sklearn", "scipy", "pandas", "matplotlib.pyplot")


def choose_backend() -> None:
    """Makes Keras run on TensorFlow, if Keras is not imported yet."""
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "tensorflow"
        os.environ.pop("TF_USE_LEGACY_KERAS", None)


def check_plotting() -> None:
    """Imports Matplotlib, also where MPLBACKEND names what is not installed here.

    Notebooks hand their own to every program that they start, and Keras needs one that
    can be imported.
    """
    name = os.environ.get("MPLBACKEND")
    if not name or "matplotlib" in sys.modules:
        return
    del os.environ["MPLBACKEND"]
    import matplotlib

    with contextlib.suppress(ValueError):  # it is not installed here
        matplotlib.rcParams["backend"] = name
        os.environ["MPLBACKEND"] = name


def check_backend() -> None:
    """Raises `UserError` if the calling program runs Keras on something else."""
    import keras

    if keras.backend.backend() != "tensorflow":
        raise UserError(
            f"Keras runs on {keras.backend.backend()} here, gan_tf needs TensorFlow: "
            "set KERAS_BACKEND=tensorflow before anything imports keras"
        )


@contextlib.contextmanager
def keras_defaults() -> Iterator[None]:
    """Keras's own global settings, whatever the caller has set; his come back after.

    Raises:
        UserError: Keras runs on another backend.
    """
    check_backend()
    import keras

    before = {name: getattr(keras.config, name)() for name in _KERAS_DEFAULTS}
    _set_keras(_KERAS_DEFAULTS)
    try:
        yield
    finally:
        _set_keras(before)


def _set_keras(settings: dict[str, Any]) -> None:
    import keras

    for name, value in settings.items():
        getattr(keras.config, f"set_{name}")(value)


def open_streams() -> None:
    """Makes standard output and error usable, whatever the program was started with.

    Closed ones lead nowhere; characters that the terminal lacks are escaped.
    """
    for _ in range(3):  # a file opened later must not take the place of a closed one
        number = os.open(os.devnull, os.O_RDWR)
        if number > 2:
            os.close(number)
            break
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None or stream.closed:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def quiet_tensorflow(settings: Mapping[str, str] | None = None) -> Iterator[None]:
    """Imports TensorFlow; hides what its libraries print while they load.

    They print about oneDNN and missing GPU drivers before any log level can stop them.

    Args:
        settings: environment variables for TensorFlow, and for no other process.

    Raises:
        UserError: there is no folder for temporary files.
    """
    try:
        tempfile.gettempdir()
    except OSError:  # TensorFlow is not even imported then
        raise UserError(
            "no folder for temporary files can be written, and TensorFlow needs one; "
            "set TMPDIR to one, such as export TMPDIR=/a/folder/that/can/be/written"
        ) from None
    choose_backend()
    os.environ["MPLBACKEND"] = "agg"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with hidden_messages():
        _import(settings or {})
        yield


@contextlib.contextmanager
def hidden_messages(words: tuple[str, ...] = ("",)) -> Iterator[None]:
    """Hides lines on standard error with one of these words, by libraries in C++ too.

    Without words it hides all. The other lines are printed at the end; if the process
    ends before, they are lost. All are shown if anything but a `UserError` is raised,
    and always where TF_CPP_MIN_LOG_LEVEL is 0 or 1 or XLA's flags are set: TensorFlow
    ends the process without a traceback if it does not know one of them.
    """
    if _shows_messages():
        yield
        return
    sys.stderr.flush()
    with tempfile.TemporaryFile() as hidden:
        stderr = os.dup(2)
        faulthandler.enable(stderr)  # a crash leaves a trace although this is hidden
        os.dup2(hidden.fileno(), 2)
        try:
            yield
            hidden.seek(0)
            lines = hidden.readlines()
            _print(
                stderr, [x for x in lines if not any(w.encode() in x for w in words)]
            )
        except UserError:
            raise
        except BaseException:
            hidden.seek(0)
            _print(stderr, hidden.readlines())
            raise
        finally:
            os.dup2(stderr, 2)
            faulthandler.enable(2)
            os.close(stderr)


def release_memory() -> None:
    """Gives the system back what is free, where the C library can do that."""
    with contextlib.suppress(AttributeError, OSError, TypeError):  # it is not glibc
        ctypes.CDLL(None).malloc_trim(0)


def _print(stream: int, lines: list[bytes]) -> None:
    """Prints lines, if that can be done."""
    with contextlib.suppress(OSError):
        os.write(stream, b"".join(lines))


def _shows_messages() -> bool:
    return os.environ.get("TF_CPP_MIN_LOG_LEVEL") in ("0", "1") or any(
        name in os.environ for name in ("XLA_FLAGS", "TF_XLA_FLAGS")
    )


def _import(settings: Mapping[str, str]) -> None:
    """Imports the libraries with their own defaults."""
    import matplotlib

    os.environ.update(settings)
    with _fast_imports():
        import keras  # noqa: F401
        import tensorflow as tf

    matplotlib.rcdefaults()
    _set_keras(_KERAS_DEFAULTS)
    check_backend()
    tf.config.get_visible_devices()
    for name in settings:  # they are read
        del os.environ[name]


@contextlib.contextmanager
def _fast_imports() -> Iterator[None]:
    """Imports without the optional packages of Keras and without garbage collection.

    What is imported stays: the collector need not look at it again either.
    """
    hidden = {} if "keras" in sys.modules else dict.fromkeys(_OPTIONAL)
    hidden = {name: None for name in hidden if name not in sys.modules}
    sys.modules.update(hidden)  # type: ignore[arg-type]
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
        gc.freeze()
        if collecting:
            gc.enable()
