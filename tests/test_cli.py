import dataclasses
import errno
import importlib
import io
import os
import re
import subprocess
import sys

import pytest

import gan_tf.generate as generate
import gan_tf.train as train
from gan_tf import cli
from gan_tf.config import GROUPS, OPTION_TYPES, Config
from gan_tf.errors import UserError
from gan_tf.storage import checkpoints
from gan_tf.training import loop
from tests.conftest import command, environment, flags_of, refused, run_python


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
        (["--epochs", "9" * 20], ["epochs", "must be below 10"]),
        (["--learning_rate", "nan"], ["learning_rate", "finite"]),
        (["--jit_compile", "maybe"], ["--jit_compile", "neither true nor false"]),
        (["--generator_units", "9,x"], ["--generator_units", "256,512"]),
        (["--generator_units", "9,0"], ["generator_units", "at least 1"]),
        (["--dataset", "no set"], ["dataset", "'no set'"]),
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


@pytest.mark.parametrize(
    "module", ["train", "generate", "evaluate", "export", "report"]
)
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


def test_a_reader_that_leaves_early_is_no_error_and_loses_nothing(tiny, tmp_path):
    """As `head -1` does, or `tee` at Ctrl-C: the run is saved before it ends."""
    config = tiny(epochs=10**6, save_every=10**6)
    process = subprocess.Popen(
        [sys.executable, "-m", "gan_tf.train", *flags_of(config), "--run_dir", "r"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        cwd=tmp_path,
    )
    assert process.stdout.readline().startswith(b"training on")
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert (process.wait(), errors) == (1, b"")
    assert checkpoints.saved(tmp_path / "r")


class FullDisk(io.StringIO):
    def write(self, _):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_behind_the_output_loses_nothing(tiny, tmp_path, invoke):
    flags = flags_of(tiny(epochs=10**6, save_every=10**6))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", FullDisk())
        patch.setattr(loop, "print", lambda _: None, raising=False)  # buffered in files
        result = invoke(train, *flags, f"--run_dir={tmp_path}")
    refused(result, "cannot write standard output: No space left on device")
    assert checkpoints.step_of(checkpoints.saved(tmp_path)[0]) == 5


def test_errors_of_the_system_are_sentences(monkeypatch, capsys):
    def wrong(_):
        os.stat("x" * 300)

    assert cli.exit_code("prog", wrong, None) == 2
    assert capsys.readouterr().err == f"prog: error: {'x' * 300}: File name too long\n"
    monkeypatch.setattr(os, "getcwd", lambda: os.stat("none"))  # it was removed
    assert cli.exit_code("prog", wrong, None) == 2
    assert "the current folder is gone" in capsys.readouterr().err


def test_errors_that_cannot_be_shown_keep_their_exit_code(monkeypatch):
    def wrong(_):
        raise UserError("no such thing")

    monkeypatch.setattr(sys, "stderr", FullDisk())
    assert cli.exit_code("prog", wrong, None) == 2


def test_a_wrong_value_is_reported_before_any_data_is_loaded(invoke, monkeypatch):
    from gan_tf.data import sources

    monkeypatch.setattr(sources, "load", pytest.fail)
    refused(invoke(train, "--dataset=mnist", "--beta_1=2"), "beta_1", "below 1.0")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("gs://bucket/run", ["gs://bucket/run is an address", "Copy it here"]),
        ("s3://b", ["is an address"]),
        ("~nobody-of-that-name/runs", ["there is no user nobody-of-that-name"]),
        ("", ["no path"]),
    ],
)
@pytest.mark.parametrize("module", ["train", "generate", "evaluate", "export"])
def test_paths_that_are_none(invoke, module, path, words):
    command_module = importlib.import_module(f"gan_tf.{module}")
    code, _, errors = invoke(command_module, f"--run_dir={path}")
    assert code == 2
    assert all(word in errors for word in words), errors


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--num", "9" * 20], ["--num", "is too large a number"]),
        (["--num", "\u00b2"], ["--num", "is no whole number from 1"]),
        (["--seed", "2147483648"], ["--seed", "is too large a number"]),
        (["--out", ""], ["--out", "no path"]),
        (["--pretrained", "mnist", "--weights", "raw"], ["one set of weights"]),
    ],
)
def test_wrong_values_are_named(invoke, arguments, words):
    code, _, errors = invoke(generate, *arguments)
    assert code == 2
    assert all(word in errors for word in words), errors


@pytest.mark.parametrize("module", ["generate", "evaluate", "export", "report"])
def test_a_missing_run_is_found_before_tensorflow_is_imported(module, tmp_path):
    code = (
        "import importlib, sys\n"
        "from gan_tf import cli, errors\n"
        f"module = importlib.import_module('gan_tf.{module}')\n"
        "try: module.main(module.parser().parse_args(sys.argv[1:]))\n"
        "except errors.UserError as error: print(error)\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    form = ["--format=npz"] if module == "export" else []
    result = run_python("-c", code, "--run_dir=none", *form, cwd=tmp_path)
    assert "--run_dir none does not exist" in result.stdout, result.stderr
    assert result.returncode == 0, result.stderr


def test_the_home_folder_is_found(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    values = train.parser().parse_args(["--run_dir=~/runs/a"])
    assert values.run_dir == tmp_path / "runs" / "a"


@pytest.mark.parametrize("name", ["train", "generate", "evaluate", "export", "report"])
def test_help_shows_a_default_once_and_only_where_there_is_one(name):
    text = importlib.import_module(f"gan_tf.{name}").parser().format_help()
    assert "default: None" not in text
    assert not re.search(r"\(default: [^()]*\)\s+\(default: ", text)


def test_what_help_shows_for_nothing_can_be_typed():
    assert parse("--data_dir", "none") == Config()


def test_help_is_in_groups_and_shows_our_flags_only():
    text = train.parser().format_help()
    places = [text.index(f"\n{group}:") for group in GROUPS]
    assert places == sorted(places)
    assert "helpfull" not in text


def test_the_package_lists_its_commands():
    for arguments in ((), ("--help",)):
        result = run_python("-m", "gan_tf", *arguments)
        assert result.returncode == 0
        for name in ("train", "generate", "evaluate", "export"):
            assert f"python -m gan_tf.{name}" in result.stdout
    result = run_python("-m", "gan_tf", "tarin")
    assert (result.returncode, result.stdout) == (2, "")
    assert "no command 'tarin'" in result.stderr
    assert run_python("-m", "gan_tf", "train", "--dry").returncode == 2
