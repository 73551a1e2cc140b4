"""The long run's faults of disks: full, damaged, read-only, with a wrong clock."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

from gan_tf.config import Config
from gan_tf.gan.state import build_gan
from gan_tf.storage import checkpoints, run_directory
from gan_tf.storage.description import read_run
from tests.faults.injection import (
    clock_was_ahead,
    copy,
    damaged,
    differences,
    mounted,
    often,
    remount,
)
from tests.faults.place import Place, clear


def full_disk(place: Place) -> list[str]:
    """A disk that is full at some write, at a later one each time; then there is
    room.
    """
    config, whole = place.undisturbed(20)
    results, tries = [], place.count(60)
    for number in range(tries):
        room = number * 1370 // tries  # a whole run needs 1380 KB
        results.append(_fill(place, config, whole, room))
        print(f"  {room} KB left: {results[-1]}", flush=True)
    return results


def _fill(place: Place, config: Config, whole: Path, room: int) -> str:
    """What came of a run on a disk with so many KB left."""
    disk, wrong = place.folder / "disk", []
    with mounted(disk, 16000):
        (disk / "ballast").write_bytes(bytes((16000 - room) * 1024))
        code, output = place.server.finish(config, disk / "run")
        sentences = [line for line in output.splitlines() if "error:" in line]
        if code != 2 or len(sentences) != 1 or "No space left" not in sentences[0]:
            wrong.append(f"room {room}: code {code}, {output[-300:]!r}")
        if "Traceback" in output:
            wrong.append("a traceback")
        (disk / "ballast").unlink()
        code, output = place.server.finish(config, disk / "run")
        if "passed over" in output or code:
            wrong.append(f"resume: code {code}, {output[-300:]!r}")
        wrong += differences(disk / "run", whole)
    if wrong:
        return "; ".join(wrong)
    where = sentences[0].split("cannot write ")[-1].split(":")[0]
    return f"survived ({where.split('/run/')[-1].split('/')[0]})"


def damage(place: Place) -> list[str]:
    """Flipped, zeroed and cut ranges of every file of the newest checkpoint."""
    config, whole = place.undisturbed(20)
    run_dir = copy(whole, place.folder / "damaged")
    newest = checkpoints.saved(run_dir)[0]
    expected = _state(config, copy(whole, place.folder / "x"), drop=newest.name)
    results = []
    for path in sorted(newest.iterdir()):
        sound = path.read_bytes()
        for wrong in damaged(sound, place.count(150), place.random):
            if wrong.strip() == sound.strip():
                continue  # white space at the end of JSON
            path.write_bytes(wrong)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                state = _state(config, run_dir)
            warned = any("passed over" in str(w.message) for w in caught)
            survived = warned and state == expected
            results.append("survived" if survived else f"{path.name} not noticed")
        path.write_bytes(sound)
    return results


def _state(config: Config, run_dir: Path, drop: str = "") -> list[bytes]:
    """What is restored from a run, in bytes, were it not for the checkpoint `drop`."""
    if drop:
        clear(run_dir / "checkpoints" / drop)
    gan = build_gan(config)
    checkpoints.restore(run_dir, gan)
    parts = (gan.generator, gan.discriminator, gan.average)
    parts += (gan.generator_optimizer, gan.discriminator_optimizer)
    return [v.numpy().tobytes() for part in parts for v in part.variables]


def description(place: Place) -> list[str]:
    """Every byte of `config.json` flipped, and `config.json` cut there; without a
    copy.
    """
    config, whole = place.undisturbed(20)
    run_dir = copy(whole, place.folder / "described")
    path = run_directory.config_path(run_dir)
    sound = path.read_bytes()
    results = []
    for offset in range(0, len(sound) - 1, round(1 / place.share)):
        flipped = bytearray(sound)
        flipped[offset] ^= 1 << place.random.randrange(8)
        for wrong in (bytes(flipped), sound[:offset]):
            path.write_bytes(wrong)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                same = read_run(run_dir)[0] == config
            if same and (caught or reads_the_same(wrong, sound)):
                results.append("survived")
            elif any(" was edited: " in str(warning.message) for warning in caught):
                results.append("survived (taken for an edit by hand, and reported)")
            else:
                results.append(f"byte {offset} not noticed")
    return results


def reads_the_same(wrong: bytes, sound: bytes) -> bool:
    """Whether only white space between the values has changed."""
    try:
        return json.loads(wrong) == json.loads(sound)
    except ValueError:
        return False


def places(place: Place) -> list[str]:
    """Read-only, linked and blocked directories, each refused or used."""
    config, whole = place.undisturbed(20)
    results, disk = [], place.folder / "disk"
    with mounted(disk, 16000):
        copy(whole, disk / "run")
        remount(disk, "ro")
        for name in ("run", "new"):
            words = "Read-only file system"
            results.append(_refused(place, config, disk / name, words))
    for name in ("tensorboard", "samples", "checkpoints", "lock/x"):
        run_dir = place.folder / f"blocked {name.split('/')[0]}"
        (run_dir / name).parent.mkdir(parents=True)
        (run_dir / name).write_text("mine")
        words = "cannot write" if name == "lock/x" else "is no folder"
        results.append(_refused(place, config, run_dir, words))
        if (run_dir / name).read_text() != "mine":
            results.append(f"{name} was overwritten")
    (place.folder / "to").mkdir()
    (place.folder / "linked").symlink_to(place.folder / "to")
    place.server.finish(config, place.folder / "linked")
    results.append("; ".join(differences(place.folder / "to", whole)) or "survived")
    return results


def _refused(place: Place, config: Config, run_dir: Path, words: str) -> str:
    code, output = place.server.finish(config, run_dir)
    fine = code == 2 and words in output and "Traceback" not in output
    return "survived" if fine else f"{run_dir.name}: code {code}, {output[-300:]!r}"


def clock(place: Place) -> list[str]:
    """A clock set back by a second to ten years between two sessions."""
    config, whole = place.undisturbed(20)
    results = []
    for seconds in (1, 60, 3600, 86400, 10**7, 315 * 10**6):
        run_dir = place.folder / f"clock{seconds}"
        place.server.finish(often(place.data, epochs=9), run_dir)
        clock_was_ahead(run_dir, seconds)
        place.server.finish(config, run_dir)
        # Each session's last step has a sample grid.
        (run_dir / "samples" / "step-00000009.png").unlink()
        found = [text for text in differences(run_dir, whole) if "Tensor" not in text]
        pictures = [(root / "samples.png").read_bytes() for root in (run_dir, whole)]
        if pictures[0] != pictures[1]:
            found.append("old pictures")
        results.append("; ".join(found) or "survived")
    return results
