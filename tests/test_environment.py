"""What the user's shell, streams and program have set changes nothing."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

import gan_tf
from gan_tf import environment as environment_module
from gan_tf.environment import keras_defaults
from gan_tf.storage import checkpoints
from tests.conftest import TINY, environment, flags_of, run_python


def weights(run_dir):
    """The weights of the generator and of its average in the newest checkpoint."""
    return [
        weight
        for averaged in (True, False)
        for weight in checkpoints.load_generator(run_dir, averaged).get_weights()
    ]


def assert_same(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="module")
def plain(data_dir, tmp_path_factory):
    """A short run of this process, and its configuration."""
    run_dir = tmp_path_factory.mktemp("plain")
    config = gan_tf.Config(**TINY, data_dir=str(data_dir), epochs=8)
    gan_tf.train(config, run_dir, progress=False)
    return config, weights(run_dir)


def test_settings_of_the_shell_change_no_bit(plain, tmp_path):
    """And names that the terminal cannot show end no run."""
    config, expected = plain
    settings = {
        "backend": "jax",
        "floatx": "float16",
        "epsilon": 0.1,
        "image_data_format": "channels_first",
    }
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    shell = {
        "KERAS_HOME": str(tmp_path),
        "KERAS_BACKEND": "numpy",
        "TF_USE_LEGACY_KERAS": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PYTHONIOENCODING": "ascii",
        "LC_ALL": "C",
        "OMP_NUM_THREADS": "1",
    }
    run_dir = tmp_path / "r\u00fcn \u6570"
    result = subprocess.run(
        [sys.executable, "-m", "gan_tf.train", *flags_of(config), "--run_dir", run_dir],
        capture_output=True,
        env=environment() | shell,
        timeout=240,
    )
    assert (result.returncode, result.stderr) == (0, b"")
    assert b"r\\xfcn \\u6570" in result.stdout
    assert (run_dir / "training.gif").exists()
    assert_same(weights(run_dir), expected)


def test_settings_of_the_calling_program_change_no_bit_and_come_back(plain, tmp_path):
    config, expected = plain
    keras.config.set_floatx("float16")
    keras.config.set_dtype_policy("mixed_bfloat16")
    keras.config.set_image_data_format("channels_first")
    keras.config.set_epsilon(0.1)
    try:
        gan_tf.train(config, tmp_path, progress=False)
        assert_same(weights(tmp_path), expected)
        with keras_defaults():
            assert keras.config.floatx() == "float32"
        assert keras.config.floatx() == "float16"
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
        assert keras.config.image_data_format() == "channels_first"
        assert keras.config.epsilon() == 0.1
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")
        keras.config.set_image_data_format("channels_last")
        keras.config.set_epsilon(1e-7)


def in_shell(*arguments, redirection):
    """Runs Python with streams closed or redirected by a shell."""
    line = subprocess.list2cmdline([sys.executable, *map(str, arguments)])
    return subprocess.run(
        f"{line} {redirection}", shell=True, env=environment(), timeout=240
    )


def test_closed_streams_do_not_end_a_run(plain, tmp_path):
    config, expected = plain
    flags = ("-m", "gan_tf.train", *flags_of(config), f"--run_dir={tmp_path / 'r'}")
    assert in_shell(*flags, redirection="<&- >&- 2>&-").returncode == 0
    assert (tmp_path / "r" / "training.gif").exists()
    assert_same(weights(tmp_path / "r"), expected)


STREAMS = """
import os, sys
from gan_tf.environment import open_streams
open_streams()
with open(sys.argv[1], "w") as file:
    print("to nowhere")
    print("to nowhere", file=sys.stderr, flush=True)
    os.write(1, b"nor here")
    os.write(2, b"nor here")
    file.write(str(file.fileno()))
"""


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">&- 2>&-", "<&-", "<&- 2>&-"])
def test_no_file_takes_the_place_of_a_closed_stream(tmp_path, redirection):
    script, out = tmp_path / "streams.py", tmp_path / "out"
    script.write_text(STREAMS)
    assert in_shell(script, out, redirection=redirection).returncode == 0
    assert int(out.read_text()) > 2


LOADING = """
import ctypes, os, sys
from gan_tf.environment import quiet_tensorflow
with quiet_tensorflow(): os.write(2, b"noise")
assert not {"jax", "sklearn", "scipy", "matplotlib.pyplot"} & set(sys.modules)
import jax, sklearn, matplotlib.pyplot  # whoever needs them gets them
del os.environ["TF_CPP_MIN_LOG_LEVEL"]
try:
    with quiet_tensorflow():
        os.write(2, b"a driver is missing")
        raise ImportError
except ImportError: pass
with quiet_tensorflow():
    ctypes.string_at(0)
"""


def test_tensorflow_loads_quietly_and_what_fails_is_shown(tmp_path):
    """A failed import with what libraries said of it, a native crash with its place."""
    (tmp_path / "jax.py").touch()  # the tests do not install the real one
    found_first = f"import sys; sys.path.insert(0, {str(tmp_path)!r})"
    result = run_python("-c", found_first + LOADING)
    assert "noise" not in result.stderr
    assert "a driver is missing" in result.stderr
    assert result.returncode < 0
    assert "Segmentation fault" in result.stderr
    assert 'File "<string>", line 14 in <module>' in result.stderr


def test_messages_are_shown_where_a_flag_of_xla_can_end_the_process(monkeypatch):
    """TensorFlow says "Unknown flag in TF_XLA_FLAGS" and exits, without a traceback."""
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    monkeypatch.delenv("TF_XLA_FLAGS", raising=False)
    assert not environment_module._shows_messages()
    monkeypatch.setenv("TF_XLA_FLAGS", "--none=1")
    assert environment_module._shows_messages()
