"""Where the long run tries a fault: a folder with data, commands that start fast."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gan_tf.config import Config
from gan_tf.data.strokes import draw_digits
from tests.conftest import environment, flags_of, write_idx
from tests.faults.injection import hear_ctrl_c, often

_SERVER = """
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


class ForkServer:
    """A process that has loaded TensorFlow, from which the command's are forked."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVER],
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
        """Starts the command; see `pid`."""
        self._output.write_text("")
        request = [[*flags_of(config), f"--run_dir={run_dir}"], str(self._output)]
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        self.pid = int(self._process.stdout.readline())

    def output(self) -> str:
        """What the command has printed so far."""
        return self._output.read_text()

    def wait_for(self, text: str, seconds: float = 120) -> bool:
        """Waits until the command has printed this; False once it cannot come."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            running = self._is_running()  # before the output is read: none is missed
            if text in self.output():
                return True
            if not running:
                return False
            time.sleep(0.002)
        return False

    def _is_running(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def signal(self, number: int) -> int:
        """Sends a signal and waits; the exit code."""
        with contextlib.suppress(ProcessLookupError):  # it has ended
            os.kill(self.pid, number)
        return self.wait()

    def wait(self) -> int:
        """Waits for the end; the exit code."""
        return int(self._process.stdout.readline())

    def finish(self, config: Config, run_dir: Path) -> int:
        """Runs the command to its end; the exit code."""
        self.start(config, run_dir)
        return self.wait()

    def close(self) -> None:
        """Ends the process."""
        self._process.stdin.close()
        self._process.wait()
        self._output.unlink()


class Place:
    """Where a fault is tried: a folder, data, undisturbed runs, random numbers."""

    def __init__(self, folder: Path, server: ForkServer, share: float) -> None:
        self.folder, self.server, self.share = folder, server, share
        self.random = random.Random(0)
        self.training_seconds = 0.0  # of the last undisturbed run
        self.data = folder / "drawn"
        self.data.mkdir()
        images, labels = draw_digits(500, seed=7)
        write_idx(self.data / "train-images-idx3-ubyte.gz", images)
        write_idx(self.data / "train-labels-idx1-ubyte.gz", labels)

    def count(self, full: int) -> int:
        """The requested share of a full number of tries."""
        return max(2, round(full * self.share))

    def undisturbed(self, epochs: int) -> tuple[Config, Path]:
        """A run that nothing happens to."""
        config = often(self.data, epochs=epochs)
        run_dir = self.folder / f"whole{epochs}"
        self.server.start(config, run_dir)
        self.server.wait_for("training on")
        begun = time.monotonic()
        assert self.server.wait() == 0, self.server.output()
        self.training_seconds = time.monotonic() - begun
        return config, run_dir


def clear(folder: Path) -> None:
    """Removes a folder, if it is there."""
    subprocess.run(["rm", "-rf", str(folder)], check=True)


KILLED = -signal.SIGKILL  # the exit code
