"""Compiled programs are kept between runs, and only sound ones are used."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import types
from pathlib import Path

import pytest

from gan_tf.config import Config
from gan_tf.storage.curves import read_curves
from gan_tf.training import program_cache
from tests.conftest import command, flags_of

pytestmark = pytest.mark.skipif(
    not Path("/proc/cpuinfo").exists(), reason="programs are kept on Linux only"
)


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """The cache of a user who has nothing yet, before TensorFlow is loaded."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("TF_XLA_FLAGS", raising=False)
    monkeypatch.delitem(sys.modules, "tensorflow")
    monkeypatch.setattr(program_cache, "_place", None)
    cache = tmp_path / "gan_tf" / "programs"
    cache.mkdir(mode=0o700, parents=True)
    return cache


def test_a_later_run_loads_the_program_and_makes_the_same_bits(
    tiny, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cache = tmp_path / "gan_tf" / "programs"
    flags = flags_of(tiny(epochs=5, jit_compile=True))

    def run(name, *more):
        return command("train", f"--run_dir={tmp_path / name}", *flags, *more)

    def losses(name):
        curves = read_curves(tmp_path / name)
        return {name: curves[name] for name in curves if name != "steps_per_second"}

    assert run("other", "--seed=1").returncode == 0
    (kept,) = cache.iterdir()
    assert cache.stat().st_mode & 0o777 == 0o700
    assert kept.stat().st_mode & 0o777 == 0o600
    loaded = run("loaded")
    assert loaded.returncode == 0
    assert "machine" not in loaded.stderr  # what XLA says of the processor
    assert list(cache.iterdir()) == [kept]
    # TensorFlow did look at it: it says that it cannot read this. It compiles instead.
    key, name = kept.name.split(".")[0], kept.name.split(".", 1)[1].rpartition(".")[0]
    damaged = kept.read_bytes()[:1000]
    kept.unlink()
    bad = _keep(cache, key, name, damaged)
    compiled = run("compiled")
    assert compiled.returncode == 0
    assert "Error parsing" in compiled.stderr
    assert losses("loaded") == losses("compiled") != losses("other")
    assert not bad.exists()
    assert list(cache.iterdir())


def test_damaged_programs_are_not_used(cache):
    key = program_cache._digest(Config())
    _keep(cache, key, "sound.pb", b"program")
    _keep(cache, "another", "others.pb", b"program").write_bytes(b"damaged")
    for name, content in (("changed", b"Program"), ("cut", b"pro"), ("no", b"")):
        _keep(cache, key, f"{name}.pb", b"program").write_bytes(content)
    _keep(cache, key, "others_can_write.pb", b"program").chmod(0o666)
    flags = program_cache.settings(Config())
    place = program_cache._place
    assert f"persistent_cache_directory={place} " in flags["TF_XLA_FLAGS"]
    assert [path.name for path in place.iterdir()] == ["sound.pb"]
    assert (place / "sound.pb").read_bytes() == b"program"
    names = sorted(path.name.split(".")[1] for path in cache.glob("*.pb.*"))
    assert names == ["others", "sound"]


def test_new_programs_are_kept_and_those_not_used_for_longest_removed(
    cache, monkeypatch
):
    monkeypatch.setattr(program_cache, "_KEPT", 3)
    monkeypatch.setattr(program_cache, "_LARGEST", 10)
    key = program_cache._digest(Config())
    for age, (owner, name) in enumerate([("x", "b"), ("x", "c"), (key, "used")]):
        path = _keep(cache, owner, f"{name}.pb", b"program")
        os.utime(path, (1e9 - age, 1e9 - age))
    program_cache.settings(Config())
    place = program_cache._place

    def compiled():
        (place / "new.pb").write_bytes(b"new")
        (place / "large.pb").write_bytes(b"more than 10 bytes")
        (place / "new.pb.tmp").write_bytes(b"not yet")
        return "result"

    assert program_cache.with_kept_programs(compiled) == "result"
    names = {path.name.split(".")[1] for path in cache.iterdir()}
    assert names == {"b", "used", "new"}
    program_cache.settings(Config())
    found = {path.name: path.read_bytes() for path in program_cache._place.iterdir()}
    assert found == {"used.pb": b"program", "new.pb": b"new"}


def test_the_programs_of_another_machine_or_other_options_are_not_used(
    cache, monkeypatch
):
    names = {program_cache._digest(Config())}
    assert program_cache._digest(Config(seed=1, data_dir="x", epochs=5)) in names
    names.add(program_cache._digest(Config(batch_size=64)))
    changes = [
        lambda patch: patch.setattr(os, "sched_getaffinity", lambda _: range(99)),
        lambda patch: patch.setenv("XLA_FLAGS", os.fsdecode(b"\xff")),
        lambda patch: _tensorflow(patch, "2.21.99", __file__),
        lambda patch: _tensorflow(patch, "2.21.0", os.__file__),
        lambda patch: _processor(patch, "model\t: 1\nflags\t: avx\n\nmodel\t: 2"),
    ]
    for change in changes:
        with monkeypatch.context() as patch:
            change(patch)
            names.add(program_cache._digest(Config()))
    assert len(names) == 2 + len(changes)


def test_what_a_killed_process_left_is_removed(cache):
    old, new = cache / "run-old", cache / "run-new"
    for folder in (old, new):
        folder.mkdir()
        (folder / "a.pb").touch()
    os.utime(old, (1e9, 1e9))
    assert program_cache.settings(Config())
    assert not old.exists()
    assert new.exists()


@pytest.mark.parametrize(
    "why",
    [
        "flags",
        "loaded",
        "version",
        "no version",
        "processor",
        "no XLA",
        "room",
        "space",
    ],
)
def test_tensorflow_is_left_alone(cache, monkeypatch, why):
    assert program_cache.settings(Config())
    if why == "flags":
        monkeypatch.setenv("TF_XLA_FLAGS", "")
    if why == "loaded":
        monkeypatch.setitem(sys.modules, "tensorflow", None)
    if why == "version":
        _tensorflow(monkeypatch, "2.99.0", __file__)
    if why == "no version":
        _tensorflow(monkeypatch, None, __file__)
    if why == "processor":
        _processor(monkeypatch, "an unknown form")
    if why == "room":
        monkeypatch.setattr(program_cache, "_LARGEST", 1 << 60)
    if why == "space":
        monkeypatch.setenv("XDG_CACHE_HOME", f"{cache}/a folder")
    before = set(cache.iterdir())
    assert program_cache.settings(Config(jit_compile=why != "no XLA")) == {}
    assert set(cache.iterdir()) == before


@pytest.mark.parametrize("why", ["file", "link", "mode", "owner", "home"])
def test_a_folder_that_others_can_write_is_not_used(cache, tmp_path, monkeypatch, why):
    assert program_cache.settings(Config())
    shutil.rmtree(program_cache._place)
    if why == "file":
        cache.rmdir()
        cache.touch()
    if why == "link":
        cache.rename(tmp_path / "elsewhere")
        cache.symlink_to(tmp_path / "elsewhere")
    if why == "mode":
        cache.chmod(0o777)
    if why == "owner":
        monkeypatch.setattr(os, "getuid", lambda: cache.stat().st_uid + 1)
    if why == "home":
        monkeypatch.setenv("XDG_CACHE_HOME", "")
        monkeypatch.setenv("HOME", os.devnull)
    assert program_cache.settings(Config()) == {}


ALARM = (
    "E0000 00:00:1795820688.015933 12129 cpu_aot_loader.cc:220] Loading XLA:CPU AOT "
    "result. Target machine feature +{} is not  supported on the host machine. Machine "
    "type used for XLA:CPU compilation doesn't match the machine type for execution. "
    "Compile machine features: [+64bit,+avx2,+prefer-no-scatter,+prefer-no-gather] vs "
    "host machine features: [64bit]. This could lead to execution errors such as "
    "SIGILL.\n"
)


def test_only_false_alarms_are_hidden(cache, capfd, monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    _keep(cache, program_cache._digest(Config()), "a.pb", b"program")
    program_cache.settings(Config())
    said = ALARM.format("prefer-no-gather") + ALARM.format("avx2")
    program_cache.with_kept_programs(lambda: os.write(2, said.encode()))
    assert capfd.readouterr().err == ALARM.format("avx2")


def test_a_closed_terminal_does_not_count_as_a_failure(cache, monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
    path = _keep(cache, program_cache._digest(Config()), "a.pb", b"program")
    program_cache.settings(Config())
    calls, stderr, (reader, writer) = [], os.dup(2), os.pipe()
    os.dup2(writer, 2)
    os.close(reader)
    try:
        program_cache.with_kept_programs(lambda: calls.append(os.write(2, b"line\n")))
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(writer)
    assert len(calls) == 1
    assert path.exists()


def test_without_settings_it_is_compiled_as_always(cache):
    assert program_cache.with_kept_programs(lambda: "result") == "result"
    assert not list(cache.iterdir())


def test_what_fails_without_a_kept_program_is_not_tried_again(cache):
    program_cache.settings(Config())
    calls = []

    def compiled():
        calls.append(1)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        program_cache.with_kept_programs(compiled)
    assert len(calls) == 1


def _processor(patch: pytest.MonkeyPatch, text: str) -> None:
    """Makes Linux say this of it."""
    plain = Path.read_text

    def read_text(path, **settings):
        return text if str(path) == "/proc/cpuinfo" else plain(path, **settings)

    patch.setattr(Path, "read_text", read_text)


def _tensorflow(patch: pytest.MonkeyPatch, version: str | None, file: str) -> None:
    """Makes Python say this of it."""
    found = types.SimpleNamespace(version=version, locate_file=lambda _: file)
    patch.setattr(program_cache.importlib.metadata, "distribution", lambda _: found)


def _keep(cache: Path, key: str, name: str, content: bytes) -> Path:
    """A program as it is kept."""
    path = cache / f"{key}.{name}.{hashlib.sha256(content).hexdigest()}"
    path.write_bytes(content)
    return path
