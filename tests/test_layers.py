"""Rooms import downwards only, and importing the package costs nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, run_python


def test_rooms_import_downwards_only():
    """The contract is in pyproject.toml; import-linter reads it."""
    lint = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([lint], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_importing_the_package_imports_no_tensorflow_and_prints_nothing():
    code = (
        "import sys, gan_tf; gan_tf.Config(); "
        "assert not {'tensorflow', 'keras', 'numpy'} & set(sys.modules)"
    )
    result = run_python("-c", code)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_train_is_callable_before_and_after_its_module_is_imported():
    code = (
        "import gan_tf; first = gan_tf.train; assert callable(first); "
        "import gan_tf.train; assert callable(gan_tf.train); "
        "assert gan_tf.train.parser().prog == 'python -m gan_tf.train'"
    )
    assert run_python("-c", code).returncode == 0


def test_unknown_names_of_the_package_are_attribute_errors():
    import gan_tf

    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = gan_tf.trian
    for name in gan_tf.__all__:
        assert getattr(gan_tf, name) is not None
