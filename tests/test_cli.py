import dataclasses
import os
import subprocess
import sys

import pytest
from conftest import command, environment, flags_of, refused, run_python

import gan_tf.train as train
from gan_tf import cli
from gan_tf.config import OPTION_TYPES, Config
from gan_tf.errors import UserError


def parse(*arguments):
    return cli.config_from(train.parser().parse_args(list(arguments)))


def test_flags_are_the_configurations_fields():
    assert parse() == Config()
    assert parse("--recipe", "document") == Config.recipe("document")
    changed = Config(
        seed=3,
        generator_units=(1, 2, 3),
        discriminator_units=(),
        learning_rate=3e-5,
        jit_compile=False,
        dataset="strokes",
    )
    assert parse(*flags_of(changed)) == changed
    given = ("--recipe=document", "--r1_weight=2", "--jit_compile", "TRUE")
    assert parse(*given) == Config.recipe("document", r1_weight=2.0)


def test_every_type_of_option_can_be_read():
    for field in dataclasses.fields(Config):
        assert OPTION_TYPES[field.name] in (int, float, bool, str, tuple[int, ...])


def test_help_names_every_flag_with_its_default():
    text = " ".join(train.parser().format_help().split())
    for field in dataclasses.fields(Config):
        assert f"--{field.name}" in text
        assert field.metadata["help"].split()[0] in text
    assert "(default: 256,512)" in text
    assert text.count("(default:") >= len(dataclasses.fields(Config))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--epoch", "5"], ["unknown argument --epoch", "did you mean --epochs?"]),
        (["--colour", "red"], ["unknown argument --colour", "--help"]),
        (["extra"], ["unknown argument extra"]),
        (["--epochs", "many"], ["--epochs", "many"]),
        (["--epochs", "1.5"], ["--epochs", "1.5"]),
        (["--epochs", "0"], ["epochs", "at least 1"]),
        (["--batch_size", "-4"], ["batch_size", "at least 1"]),
        (["--log_every", "0"], ["log_every", "at least 1"]),
        (["--learning_rate", "nan"], ["learning_rate", "finite"]),
        (["--jit_compile", "maybe"], ["--jit_compile", "neither true nor false"]),
        (["--generator_units", "9,x"], ["--generator_units", "256,512"]),
        (["--generator_units", "9,0"], ["generator_units", "at least 1"]),
        (["--dataset", "cifar"], ["--dataset", "cifar"]),
        (["--recipe", "best"], ["--recipe", "default"]),
        (["--epochs"], ["--epochs"]),
        (["--data_dir", "/nowhere/at/all"], ["/nowhere/at/all does not exist"]),
    ],
)
def test_wrong_arguments_get_one_sentence(invoke, arguments, words, tmp_path):
    refused(invoke(train, f"--run_dir={tmp_path}/r", *arguments), *words)
    assert os.listdir(tmp_path) == []


def test_exit_codes(capsys):
    def raising(error):
        def main(_):
            raise error

        return cli.exit_code("prog", main, None)

    assert cli.exit_code("prog", lambda _: None, None) == 0
    assert raising(UserError("no such thing")) == 2
    assert capsys.readouterr().err == "prog: error: no such thing\n"
    assert raising(KeyboardInterrupt()) == 130
    with pytest.raises(ZeroDivisionError):  # a bug of ours keeps its traceback
        raising(ZeroDivisionError())


def test_a_real_process_ends_with_one_sentence_too(tmp_path):
    result = command("train", "--data_dir", tmp_path, "--run_dir", tmp_path / "r")
    refused((result.returncode, result.stdout, result.stderr), "holds no data set")


@pytest.mark.parametrize("module", ["train", "generate", "evaluate"])
def test_help_imports_no_tensorflow(module):
    code = (
        "import runpy, sys\n"
        "sys.argv = ['x', '--help']\n"
        "try: runpy.run_module('gan_tf.{}', run_name='__main__')\n"
        "except SystemExit as leaving: assert not leaving.code\n"
        "assert 'tensorflow' not in sys.modules and 'numpy' not in sys.modules\n"
    )
    result = run_python("-c", code.format(module))
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(f"usage: python -m gan_tf.{module}")
    assert result.stderr == ""


def test_a_reader_that_leaves_early_is_no_error(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "gan_tf.train", "--dry_run", "--dataset=strokes"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        cwd=tmp_path,
    )
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert process.wait() in (0, 1)
    assert errors == b""


def test_tensorflow_loads_quietly_and_its_failure_is_shown():
    code = (
        "import os, sys\n"
        "from gan_tf import cli\n"
        "with cli.quiet_tensorflow(): os.write(2, b'noise')\n"
        "del os.environ['TF_CPP_MIN_LOG_LEVEL']\n"
        "try:\n"
        "    with cli.quiet_tensorflow():\n"
        "        os.write(2, b'a driver is missing')\n"
        "        raise ImportError\n"
        "except ImportError: pass\n"
    )
    result = run_python("-c", code)
    assert result.returncode == 0
    assert "noise" not in result.stderr
    assert "a driver is missing" in result.stderr


def test_a_wrong_value_is_told_before_any_data_is_loaded(invoke, monkeypatch):
    from gan_tf.data import sources

    monkeypatch.setattr(sources, "load", pytest.fail)
    refused(invoke(train, "--dataset=mnist", "--beta_1=2"), "beta_1", "below 1.0")
