"""Fixtures: a small data set in MNIST's file forms, and commands run as users do."""

from __future__ import annotations

import contextlib
import gzip
import os
import struct
import subprocess
import sys
from pathlib import Path

# Before NumPy is imported. Several tests run at a time: BLAS threads would wait for
# each other, and an eigendecomposition take 6 s instead of 0.2.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pytest

import gan_tf
from gan_tf import cli
from gan_tf.config import Config
from gan_tf.data.strokes import draw_digits

# PyTorch's build for CUDA needs it (extra `bench`), and loading it after TensorFlow is
# a segmentation fault.
with contextlib.suppress(ImportError):
    import triton  # noqa: F401

ROOT = Path(__file__).parent.parent

# Small networks and batches: the contracts do not depend on size.
TINY = {
    "latent_dim": 4,
    "generator_units": (8,),
    "discriminator_units": (8,),
    "batch_size": 16,
    "jit_compile": False,
    "steps_per_call": 7,
    "log_every": 5,
    "sample_every": 10,
    "save_every": 10,
}


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Commands keep their compiled programs here and not in the user's home folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def short_end():
    """Runs end without the loss plot and the report: two fifths of a small run."""
    with pytest.MonkeyPatch.context() as patch:
        _shorten(patch)
        yield patch


@pytest.fixture(scope="module")
def real_end(short_end):
    """Runs end as they do for users, in this module."""
    short_end.undo()
    yield
    _shorten(short_end)


def _shorten(patch: pytest.MonkeyPatch) -> None:
    from gan_tf import images
    from gan_tf.training import loop, pictures

    picture = images.png_bytes(np.zeros((8, 8), np.uint8))
    patch.setattr(pictures, "loss_plot", lambda *_: picture)
    patch.setattr(loop, "_write_report", lambda *_: None)


@pytest.fixture(scope="session")
def fork_server():
    """Starts `python -m gan_tf.train` without the seconds that TensorFlow takes."""
    from tests.faults.place import ForkServer

    server = ForkServer()
    yield server
    server.close()


@pytest.fixture
def tiny(data_dir):
    """Makes a small configuration on the small data set."""

    def make(**changes) -> Config:
        return Config(**(TINY | {"data_dir": str(data_dir), "epochs": 20} | changes))

    return make


def flags_of(config: Config) -> list[str]:
    """The command line that gives this configuration."""
    return [
        f"--{name}={','.join(map(str, value)) if isinstance(value, tuple) else value}"
        for name, value in config.to_dict().items()
        if value != ""
    ]


def write_idx(path: Path, array: np.ndarray) -> None:
    """Writes uint8 data in IDX form, packed if the name says so."""
    header = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    content = header + array.tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


@pytest.fixture(scope="session")
def digits():
    """600 drawn digits and their labels."""
    return draw_digits(600, seed=7)


@pytest.fixture(scope="session")
def data_dir(digits, tmp_path_factory) -> Path:
    """A folder with the four IDX files of a small data set."""
    folder = tmp_path_factory.mktemp("drawn")
    images, labels = digits
    for prefix, rows in (("train", slice(0, 500)), ("t10k", slice(500, 600))):
        write_idx(folder / f"{prefix}-images-idx3-ubyte.gz", images[rows])
        write_idx(folder / f"{prefix}-labels-idx1-ubyte.gz", labels[rows])
    return folder


@pytest.fixture(scope="session")
def plain_run(data_dir, tmp_path_factory) -> Path:
    """A run of 20 steps, for many tests; one that changes it takes a copy."""
    return _trained(tmp_path_factory, data_dir=str(data_dir))


@pytest.fixture(scope="session")
def labelled_run(data_dir, tmp_path_factory) -> Path:
    """The same with labels."""
    return _trained(tmp_path_factory, data_dir=str(data_dir), conditional=True)


def _trained(tmp_path_factory, **changes) -> Path:
    run_dir = tmp_path_factory.mktemp("trained")
    gan_tf.train(Config(**TINY, epochs=20, **changes), run_dir, progress=False)
    return run_dir


def state_of(gan) -> list[np.ndarray]:
    """All that training changes: networks, optimizers, average, step."""
    names = ("generator", "discriminator", "average")
    names += ("generator_optimizer", "discriminator_optimizer")
    arrays = [v.numpy() for name in names for v in getattr(gan, name).variables]
    return [*arrays, gan.step.numpy()]


def command(module: str, *arguments: object, **settings) -> subprocess.CompletedProcess:
    """Runs `python -m gan_tf.<module>` in a process of its own."""
    return run_python("-m", f"gan_tf.{module}", *arguments, **settings)


def run_python(*arguments: object, **settings) -> subprocess.CompletedProcess:
    """Runs Python with the checkout's package."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=240,
        **settings,
    )


def environment() -> dict[str, str]:
    """The environment for a child process: a user's, with the checkout's package."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    kept = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    return kept | {"PYTHONPATH": path}


@pytest.fixture
def invoke(capsys):
    """Runs a command in this process: (exit code, output, errors)."""

    def call(module, *arguments: object) -> tuple[int, str, str]:
        try:
            parser = module.parser()
            values = parser.parse_args([str(argument) for argument in arguments])
            code = cli.exit_code(parser.prog, module.main, values)
        except SystemExit as leaving:
            code = leaving.code
        return code, *capsys.readouterr()

    return call


def refused(result: tuple[int, str, str], *words: str) -> None:
    """Asserts exit code 2 and one sentence on standard error that has these words."""
    code, _, errors = result
    lines = [line for line in errors.splitlines() if "warning:" not in line]
    assert code == 2, errors
    assert len(lines) == 1, errors
    assert "Traceback" not in errors
    for word in words:
        assert word in lines[0]
