"""Faults in full number, on the real command: how many times tried, how many survived.

    TMPDIR=/dev/shm python benchmarks/faults.py
    python benchmarks/faults.py --only kill signals --share 0.1 --out part.json

Survived means: what the run leaves in the end is what an undisturbed run leaves, bit
for bit in all weights and optimizers, with the same curves and files, nothing left over
and nothing told twice; or, where the fault cannot be survived, that it was refused in
one sentence and that nothing was lost. Prints a Markdown table, writes `faults.json`
(what was not asked for is kept). Needs Linux, root for the disks, '.[test]'.

Most processes are forked from one that has TensorFlow loaded, which saves seconds each;
from there on they run `python -m gan_tf.train`. Every tenth starts from nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "faults")]

from conftest import environment, flags_of, write_idx  # noqa: E402
from injection import (  # noqa: E402
    clock_was_ahead,
    copy,
    damaged,
    differences,
    hear_ctrl_c,
    last_told,
    leftovers,
    mounted,
    often,
    remount,
    start,
)

from gan_tf.config import Config  # noqa: E402
from gan_tf.data.strokes import draw_digits  # noqa: E402
from gan_tf.errors import UserError  # noqa: E402
from gan_tf.gan.state import build_gan  # noqa: E402
from gan_tf.storage import checkpoints, run_directory  # noqa: E402
from gan_tf.storage.description import read_run  # noqa: E402

_STOP_SECONDS = 5
_NURSERY = """
import json, os, runpy, sys
from gan_tf.environment import quiet_tensorflow
with quiet_tensorflow():  # as the command loads it
    import gan_tf.training.loop, gan_tf.train
for line in sys.stdin:
    arguments, output = json.loads(line)
    child = os.fork()
    if not child:
        file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, 1), os.dup2(file, 2)
        sys.argv = ["train", *arguments]
        del sys.modules["gan_tf.train"]
        runpy.run_module("gan_tf.train", run_name="__main__", alter_sys=True)
        raise SystemExit
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Nursery:
    """A process that has TensorFlow loaded, and gives birth to the command's."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _NURSERY],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment(),
            preexec_fn=hear_ctrl_c,
        )
        self._output = Path(tempfile.mkstemp(suffix=".txt")[1])
        self.pid = 0

    def start(self, config: Config, run_dir: Path) -> None:
        """Begins the command; see `pid`."""
        self._output.write_text("")
        request = [[*flags_of(config), f"--run_dir={run_dir}"], str(self._output)]
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        self.pid = int(self._process.stdout.readline())

    def output(self) -> str:
        """What it has printed so far."""
        return self._output.read_text()

    def wait_for(self, text: str, seconds: float = 120) -> None:
        """Waits until it has printed this."""
        until = time.monotonic() + seconds
        while text not in self.output() and time.monotonic() < until:
            time.sleep(0.002)

    def signal(self, number: int) -> int:
        """Sends a signal and waits; the exit code."""
        with contextlib.suppress(ProcessLookupError):  # it has come to its end
            os.kill(self.pid, number)
        return self.wait()

    def wait(self) -> int:
        """Waits for the end; the exit code."""
        return int(self._process.stdout.readline())

    def finish(self, config: Config, run_dir: Path) -> int:
        """Runs the command to its end; the exit code."""
        self.start(config, run_dir)
        return self.wait()


class Place:
    """Where a fault is tried: a folder, data, an undisturbed run, chance."""

    def __init__(self, folder: Path, nursery: Nursery, share: float) -> None:
        self.folder, self.nursery, self.share = folder, nursery, share
        self.randomly = random.Random(0)
        self.data = folder / "drawn"
        self.data.mkdir()
        images, labels = draw_digits(500, seed=7)
        write_idx(self.data / "train-images-idx3-ubyte.gz", images)
        write_idx(self.data / "train-labels-idx1-ubyte.gz", labels)

    def count(self, full: int) -> int:
        """The asked share of a full number of tries."""
        return max(2, round(full * self.share))

    def undisturbed(self, epochs: int) -> tuple[Config, Path]:
        """A run that nothing happens to."""
        config, run_dir = (
            often(self.data, epochs=epochs),
            self.folder / f"whole{epochs}",
        )
        if not run_dir.exists():
            assert self.nursery.finish(config, run_dir) == 0, self.nursery.output()
        return config, run_dir


def kill(place: Place) -> list[str]:
    """`kill -9` at random moments of a run, then resumed to its end."""
    config, whole = place.undisturbed(80)
    wrong, kills, to_do = [], 0, place.count(100)
    while kills < to_do:
        run_dir = place.folder / "killed"
        for _ in range(min(4, to_do - kills)):
            if place.randomly.random() < 0.1:
                cold = start(config, run_dir)
                time.sleep(place.randomly.uniform(0, 12))
                cold.kill()
                cold.communicate()
                kills += cold.returncode == -signal.SIGKILL
            else:
                place.nursery.start(config, run_dir)
                place.nursery.wait_for("training on")
                time.sleep(place.randomly.uniform(0, 4))
                kills += place.nursery.signal(signal.SIGKILL) == -signal.SIGKILL
        code = place.nursery.finish(config, run_dir)
        found = [place.nursery.output()[-500:]] * bool(code) + differences(
            run_dir, whole
        )
        wrong += found[:1]
        _clear(run_dir)
        print(f"  {kills} kills, wrong: {wrong}", flush=True)
    return ["survived"] * (kills - len(wrong)) + wrong


def signals(place: Place) -> list[str]:
    """Ctrl-C or SIGTERM at a random moment: ends in 5 s, all that was told is saved."""
    results = []
    for number in range(place.count(30)):
        which = (signal.SIGINT, signal.SIGTERM)[number % 2]
        run_dir = place.folder / "stopped"
        config = often(place.data, epochs=10**6, save_every=10**6)
        if number % 6 == 5:  # the networks of the defaults, and XLA: compiles for long
            config = Config(epochs=10**6, data_dir=str(place.data), save_every=10**6)
        if number % 3 == 2:
            results.append(_stop_cold(place, config, run_dir, which))
        else:
            place.nursery.start(config, run_dir)
            time.sleep(place.randomly.uniform(0, 5))
            since = time.monotonic()
            code = place.nursery.signal(which)
            late = time.monotonic() - since
            results.append(_stopped(run_dir, which, code, late, place.nursery.output()))
        _clear(run_dir)
        print(f"  {which.name}: {results[-1]}", flush=True)
    return results


def full_disk(place: Place) -> list[str]:
    """A disk with ever more room that is full at some write; then there is room."""
    config, whole = place.undisturbed(20)
    results, disk = [], place.folder / "disk"
    for number in range(place.count(60)):
        with mounted(disk, 16000):
            room = number * 1370 // place.count(60)  # a whole run needs 1380 KB
            (disk / "ballast").write_bytes(bytes((16000 - room) * 1024))
            code = place.nursery.finish(config, disk / "run")
            told = place.nursery.output()
            sentence = [line for line in told.splitlines() if "error:" in line]
            wrong = []
            if code != 2 or len(sentence) != 1 or "No space left" not in sentence[0]:
                wrong.append(f"room {room}: code {code}, {told[-300:]!r}")
            if "Traceback" in told:
                wrong.append("a traceback")
            (disk / "ballast").unlink()
            code = place.nursery.finish(config, disk / "run")
            if "passed over" in place.nursery.output() or code:
                wrong.append(f"resume: code {code}, {place.nursery.output()[-300:]!r}")
            wrong += differences(disk / "run", whole)
        where = (
            sentence[0].split("cannot write ")[-1].split(":")[0] if sentence else "?"
        )
        kind = where.split("/run/")[-1].split("/")[0]
        results.append("; ".join(wrong) or f"survived ({kind})")
        print(f"  {room} KB left: {results[-1]}", flush=True)
    return results


def damage(place: Place) -> list[str]:
    """Flipped, zeroed and cut ranges of every file of the newest checkpoint."""
    config, whole = place.undisturbed(20)
    run_dir = copy(whole, place.folder / "damaged")
    newest = checkpoints.saved(run_dir)[0]
    expected = _state(config, copy(whole, place.folder / "x"), drop=newest.name)
    results = []
    for path in sorted(newest.iterdir()):
        sound = path.read_bytes()
        for wrong in damaged(sound, place.count(150), place.randomly):
            if wrong.strip() == sound.strip():
                continue  # white space at the end of JSON
            path.write_bytes(wrong)
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                state = _state(config, run_dir)
            said = any("passed over" in str(w.message) for w in told)
            survived = said and state == expected
            results.append("survived" if survived else f"{path.name} not noticed")
        path.write_bytes(sound)
    return results


def description(place: Place) -> list[str]:
    """Every byte of config.json flipped, and config.json cut there; with no copy."""
    config, whole = place.undisturbed(20)
    run_dir = copy(whole, place.folder / "described")
    path = run_directory.config_path(run_dir)
    sound = path.read_bytes()
    results = []
    for offset in range(0, len(sound) - 1, round(1 / place.share)):
        flipped = bytearray(sound)
        flipped[offset] ^= 1 << place.randomly.randrange(8)
        for wrong in (bytes(flipped), sound[:offset]):
            path.write_bytes(wrong)
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                same = read_run(run_dir)[0] == config
            harmless = _reads_the_same(wrong, sound)
            survived = same and (told or harmless)
            results.append("survived" if survived else f"byte {offset} not noticed")
    return results


def second_process(place: Place) -> list[str]:
    """A second process in the same directory, also by a symbolic link."""
    config = often(place.data, epochs=10**6)
    run_dir, link = place.folder / "busy", place.folder / "link"
    link.symlink_to(run_dir)
    results = []
    for number in range(place.count(10)):
        place.nursery.start(config, run_dir)
        place.nursery.wait_for("steps/s")
        second = start(config, (run_dir, link)[number % 2])
        _, errors = second.communicate()
        refused = second.returncode == 2 and "another process trains there" in errors
        place.nursery.signal(signal.SIGKILL)
        results.append("survived" if refused else f"{second.returncode}: {errors}")
    place.nursery.start(config, link)  # the lock has gone with the killed process
    place.nursery.wait_for("training on", 30)
    if "training on" not in place.nursery.output():
        results.append(f"the lock stayed: {place.nursery.output()}")
    place.nursery.signal(signal.SIGKILL)
    return results


def places(place: Place) -> list[str]:
    """Read-only, linked and blocked directories, each refused or used."""
    config, whole = place.undisturbed(20)
    results, disk = [], place.folder / "disk"
    with mounted(disk, 16000):
        copy(whole, disk / "run")
        remount(disk, "ro")
        for name in ("run", "new"):
            results.append(
                _refused(place, config, disk / name, "Read-only file system")
            )
    for name in ("tensorboard", "samples", "checkpoints", "lock/x"):
        run_dir = place.folder / f"blocked {name.split('/')[0]}"
        (run_dir / name).parent.mkdir(parents=True)
        (run_dir / name).write_text("mine")
        results.append(_refused(place, config, run_dir, "cannot write"))
        if (run_dir / name).read_text() != "mine":
            results.append(f"{name} was overwritten")
    (place.folder / "to").mkdir()
    (place.folder / "linked").symlink_to(place.folder / "to")
    place.nursery.finish(config, place.folder / "linked")
    results.append("; ".join(differences(place.folder / "to", whole)) or "survived")
    return results


def clock(place: Place) -> list[str]:
    """A clock that goes backwards by a second to ten years between two sessions."""
    config, whole = place.undisturbed(20)
    results = []
    for seconds in (1, 60, 3600, 86400, 10**7, 315 * 10**6):
        run_dir = place.folder / f"clock{seconds}"
        place.nursery.finish(often(place.data, epochs=9), run_dir)
        clock_was_ahead(run_dir, seconds)
        place.nursery.finish(config, run_dir)
        found = [text for text in differences(run_dir, whole) if "Tensor" not in text]
        if (run_dir / "samples.png").read_bytes() != (
            whole / "samples.png"
        ).read_bytes():
            found.append("old pictures")
        results.append("; ".join(found) or "survived")
    return results


FAULTS: dict[str, Callable[[Place], list[str]]] = {
    "kill": kill,
    "signals": signals,
    "full_disk": full_disk,
    "damage": damage,
    "description": description,
    "second_process": second_process,
    "places": places,
    "clock": clock,
}


def table(results: dict) -> str:
    """The results as Markdown."""
    rows = ["| fault | tried | survived |", "| --- | --- | --- |"]
    for name, row in results.items():
        what = FAULTS[name].__doc__.splitlines()[0].rstrip(".")
        rows.append(f"| {what} | {row['tried']} | {row['survived']} |")
    return "\n".join(rows)


def main() -> None:
    """Tries what the flags name."""
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("--only", nargs="*", choices=tuple(FAULTS), default=list(FAULTS))
    flags.add_argument("--share", type=float, default=1.0, help="of the full numbers")
    flags.add_argument(
        "--out", type=Path, default=Path(__file__).with_name("faults.json")
    )
    values = flags.parse_args()
    results = json.loads(values.out.read_text()) if values.out.exists() else {}
    nursery = Nursery()
    for name in values.only:
        print(name, flush=True)
        since = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            outcomes = FAULTS[name](Place(Path(folder), nursery, values.share))
        survived = [text for text in outcomes if text.startswith("survived")]
        results[name] = {
            "tried": len(outcomes),
            "survived": len(survived),
            "outcomes": {text: outcomes.count(text) for text in sorted(set(outcomes))},
            "seconds": round(time.monotonic() - since),
        }
        ordered = {key: results[key] for key in FAULTS if key in results}
        values.out.write_text(json.dumps(ordered, indent=2) + "\n")
    print(table(ordered))


def _stop_cold(place: Place, config: Config, run_dir: Path, which: int) -> str:
    process = start(config, run_dir)
    time.sleep(place.randomly.uniform(0.5, 15))
    since = time.monotonic()
    process.send_signal(which)
    output, errors = process.communicate()
    return _stopped(
        run_dir, which, process.returncode, time.monotonic() - since, output + errors
    )


def _stopped(run_dir: Path, which: int, code: int, late: float, output: str) -> str:
    """What is to be said of a run that a signal has ended."""
    wrong = []
    if late > _STOP_SECONDS:
        wrong.append(f"took {late:.1f} s")
    if code not in (-which, 128 + which):
        wrong.append(f"exit code {code}")
    if "Traceback" in output or "error" in output:
        wrong.append(output[-500:])
    saved = [checkpoints.step_of(path) for path in checkpoints.saved(run_dir)]
    if max(saved, default=0) < last_told(output):
        wrong.append(f"saved {saved}, told {last_told(output)}")
    if saved and leftovers(run_dir):
        wrong.append(f"left over: {leftovers(run_dir)}")
    when = "saved" if code == 128 + which else "before the first step"
    return "; ".join(wrong) or f"survived ({when})"


def _refused(place: Place, config: Config, run_dir: Path, words: str) -> str:
    code = place.nursery.finish(config, run_dir)
    told = place.nursery.output()
    fine = code == 2 and words in told and "Traceback" not in told
    return "survived" if fine else f"{run_dir.name}: code {code}, {told[-300:]!r}"


def _state(config: Config, run_dir: Path, drop: str = "") -> list[bytes]:
    """What is restored from a run, in bytes, were it not for the checkpoint `drop`."""
    if drop:
        _clear(run_dir / "checkpoints" / drop)
    gan = build_gan(config)
    checkpoints.restore(run_dir, gan)
    parts = (gan.generator, gan.discriminator, gan.average)
    parts += (gan.generator_optimizer, gan.discriminator_optimizer)
    return [v.numpy().tobytes() for part in parts for v in part.variables]


def _reads_the_same(wrong: bytes, sound: bytes) -> bool:
    """Whether only white space between the values has changed."""
    try:
        return json.loads(wrong) == json.loads(sound)
    except ValueError:
        return False


def _clear(folder: Path) -> None:
    subprocess.run(["rm", "-rf", str(folder)], check=True)


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        raise SystemExit(str(error)) from error
