"""Compiled programs are kept between runs, and only sound ones are used."""

from __future__ import annotations

import hashlib
import os
import sys
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
    cache.mkdir(parents=True)
    return cache


def test_a_later_run_loads_the_program_and_makes_the_same_bits(
    tiny, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cache = tmp_path / "gan_tf" / "programs"
    flags = flags_of(tiny(epochs=5, jit_compile=True))

    def run(name):
        return command("train", f"--run_dir={tmp_path / name}", *flags)

    def losses(name):
        curves = read_curves(tmp_path / name)
        return {name: curves[name] for name in curves if name != "steps_per_second"}

    assert run("first").returncode == 0
    (kept,) = cache.iterdir()
    assert cache.stat().st_mode & 0o777 == 0o700
    assert kept.stat().st_mode & 0o777 == 0o600
    second = run("second")
    assert second.returncode == 0
    assert "machine" not in second.stderr  # what XLA says of the processor
    assert losses("second") == losses("first")
    assert list(cache.iterdir()) == [kept]
    # That it was loaded: what TensorFlow cannot read, with its right sum, ends a run.
    key, name = kept.name.split(".")[0], kept.name.split(".", 1)[1].rpartition(".")[0]
    damaged = kept.read_bytes()[:1000]
    kept.unlink()
    _keep(cache, key, name, damaged)
    assert "Read less bytes than requested" in run("third").stderr
    assert not list(cache.iterdir())  # so that the next one works


def test_damaged_programs_are_not_used(cache):
    key = program_cache._digest(Config())
    _keep(cache, key, "sound.pb", b"program")
    _keep(cache, "another", "others.pb", b"program").write_bytes(b"damaged")
    for name, content in (("changed", b"Program"), ("cut", b"pro"), ("no", b"")):
        _keep(cache, key, f"{name}.pb", b"program").write_bytes(content)
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
    with program_cache.reused_programs():
        (place / "new.pb").write_bytes(b"new")
        (place / "large.pb").write_bytes(b"more than 10 bytes")
        (place / "new.pb.tmp").write_bytes(b"not yet")
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
        lambda patch: patch.setattr(
            program_cache.importlib.metadata, "version", lambda _: "2.21.99"
        ),
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
    "why", ["flags", "loaded", "version", "processor", "no XLA", "room", "space"]
)
def test_tensorflow_is_left_alone(cache, monkeypatch, why):
    assert program_cache.settings(Config())
    if why == "flags":
        monkeypatch.setenv("TF_XLA_FLAGS", "")
    if why == "loaded":
        monkeypatch.setitem(sys.modules, "tensorflow", None)
    if why == "version":
        versions = program_cache.importlib.metadata
        monkeypatch.setattr(versions, "version", lambda _: "2.99.0")
    if why == "processor":
        _processor(monkeypatch, "an unknown form")
    if why == "room":
        monkeypatch.setattr(program_cache, "_LARGEST", 1 << 60)
    if why == "space":
        monkeypatch.setenv("XDG_CACHE_HOME", f"{cache}/a folder")
    before = set(cache.iterdir())
    assert program_cache.settings(Config(jit_compile=why != "no XLA")) == {}
    assert set(cache.iterdir()) == before


@pytest.mark.parametrize("why", ["file", "link", "mode", "program", "home"])
def test_a_folder_that_others_can_write_is_not_used(cache, tmp_path, monkeypatch, why):
    if why == "file":
        cache.rmdir()
        cache.touch()
    if why == "link":
        cache.rename(tmp_path / "elsewhere")
        cache.symlink_to(tmp_path / "elsewhere")
    if why == "mode":
        cache.chmod(0o777)
    if why == "program":
        path = _keep(cache, program_cache._digest(Config()), "a.pb", b"program")
        path.chmod(0o666)
    if why == "home":
        monkeypatch.setenv("XDG_CACHE_HOME", "")
        monkeypatch.setenv("HOME", os.devnull)
    assert program_cache.settings(Config()) == {}


def test_only_false_alarms_are_hidden(cache, capfd, monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    _keep(cache, program_cache._digest(Config()), "a.pb", b"program")
    program_cache.settings(Config())
    with program_cache.reused_programs():
        os.write(2, b"lacks +prefer-no-gather: SIGILL\nlacks +avx2: SIGILL\n")
    assert capfd.readouterr().err == "lacks +avx2: SIGILL\n"


def test_without_settings_it_is_compiled_as_always(cache):
    with program_cache.reused_programs():
        pass
    assert not list(cache.iterdir())


def _processor(patch: pytest.MonkeyPatch, text: str) -> None:
    """Makes Linux say this of it."""
    plain = Path.read_text

    def read_text(path, **settings):
        return text if str(path) == "/proc/cpuinfo" else plain(path, **settings)

    patch.setattr(Path, "read_text", read_text)


def _keep(cache: Path, key: str, name: str, content: bytes) -> Path:
    """A program as it is kept."""
    path = cache / f"{key}.{name}.{hashlib.sha256(content).hexdigest()}"
    path.write_bytes(content)
    return path
