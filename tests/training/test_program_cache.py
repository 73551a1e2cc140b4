"""Compiled programs are kept between runs, and only sound ones are used."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest

from gan_tf.storage.curves import read_curves
from gan_tf.training import program_cache
from tests.conftest import command, flags_of


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="Linux only")
def test_a_later_run_loads_the_program_and_makes_the_same_bits(
    tiny, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    flags = flags_of(tiny(epochs=5, jit_compile=True))

    def run(name):
        return command("train", f"--run_dir={tmp_path / name}", *flags)

    def losses(name):
        curves = read_curves(tmp_path / name)
        return {name: curves[name] for name in curves if name != "steps_per_second"}

    assert run("first").returncode == 0
    (kept,) = (tmp_path / "cache").rglob("*.pb.*")
    assert kept.parent.stat().st_mode & 0o777 == 0o700
    second = run("second")
    assert second.returncode == 0
    assert "machine" not in second.stderr  # what XLA says of the processor
    assert losses("second") == losses("first")
    assert list((tmp_path / "cache").rglob("*.pb.*")) == [kept]
    assert not list(tmp_path.glob("gan_tf-*"))
    # It was loaded: what TensorFlow cannot read, with its right sum, ends a run.
    damaged = kept.read_bytes()[:1000]
    kept.unlink()
    _keep(kept.parent, kept.name.rpartition(".")[0], damaged)
    assert run("third").returncode != 0


def test_damaged_programs_are_not_used(tmp_path):
    cache, place = tmp_path / "cache", tmp_path / "place"
    cache.mkdir()
    (cache / "a folder").mkdir()
    _keep(cache, "sound.pb", b"program")
    for name, content in (
        ("changed.pb", b"Program"),
        ("cut.pb", b"pro"),
        ("no.pb", b""),
    ):
        path = _keep(cache, name, b"program")
        path.write_bytes(content)
    (cache / "unfinished.part").write_bytes(b"program")
    program_cache._lay_out(cache, place)
    assert [path.name for path in place.iterdir()] == ["sound.pb"]
    assert (place / "sound.pb").read_bytes() == b"program"
    left = sorted(path.name.partition(".")[0] for path in cache.iterdir())
    assert left == ["a folder", "sound"]


def test_only_the_newest_programs_are_kept(tmp_path):
    cache, place = tmp_path / "cache", tmp_path / "place"
    cache.mkdir()
    for age in range(program_cache._KEPT):
        path = _keep(cache, f"{age}.pb", b"program")
        os.utime(path, (1e9 - age, 1e9 - age))
    program_cache._lay_out(cache, place)
    (place / "new.pb").write_bytes(b"new")
    (place / "new.pb.tmp").write_bytes(b"not finished")
    program_cache._file_away(place, cache)
    names = {path.name.partition(".")[0] for path in cache.iterdir()}
    assert names == {"new", *map(str, range(program_cache._KEPT - 1))}


def test_no_half_copy_is_left_for_tensorflow(tmp_path, monkeypatch):
    cache, place = tmp_path / "cache", tmp_path / "place"
    cache.mkdir()
    _keep(cache, "sound.pb", b"program")

    def full(path, content):
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(program_cache, "_place", place)
    monkeypatch.setattr(program_cache, "_cache", lambda: cache)
    monkeypatch.setattr(Path, "write_bytes", full)
    with program_cache.reused_programs():
        assert not place.exists()


def test_where_nothing_can_be_kept_it_is_compiled_as_always(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(program_cache, "_place", tmp_path / "place")
    compiled = False
    with program_cache.reused_programs():
        compiled = True
    assert compiled
    assert not (tmp_path / "place").exists()


@pytest.mark.parametrize("why", ["flags", "version", "room", "space", "loaded"])
def test_tensorflow_is_left_alone(tmp_path, monkeypatch, why):
    (tmp_path / "a folder").mkdir()
    monkeypatch.delenv("TF_XLA_FLAGS", raising=False)
    monkeypatch.setattr(program_cache, "_place", None)
    monkeypatch.setattr(program_cache.importlib.metadata, "version", lambda _: "2.21.0")
    with monkeypatch.context() as patch:
        patch.delitem(program_cache.sys.modules, "tensorflow")
        assert "TF_XLA_FLAGS" in program_cache.settings()
        if why == "flags":
            patch.setenv("TF_XLA_FLAGS", "")
        if why == "version":
            patch.setattr(program_cache.importlib.metadata, "version", lambda _: "2.99")
        if why == "room":
            patch.setattr(program_cache, "_ROOM", 1 << 62)
        if why == "space":
            patch.setattr(
                program_cache.tempfile, "gettempdir", lambda: f"{tmp_path}/a folder"
            )
        if why != "loaded":
            assert program_cache.settings() == {}
    assert program_cache.settings() == {}


def _keep(cache: Path, name: str, content: bytes) -> Path:
    """A program as `_file_away` keeps it."""
    path = cache / f"{name}.{hashlib.sha256(content).hexdigest()}"
    path.write_bytes(content)
    return path
