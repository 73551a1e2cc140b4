"""Where the long run tries a fault: a folder with data, commands that start fast."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from gan_tf.config import Config
from gan_tf.data.strokes import draw_digits
from tests.conftest import environment, flags_of, write_idx
from tests.faults.injection import hear_ctrl_c, often

_SERVER = """
import json, os, runpy, sys
from gan_tf.environment import quiet_tensorflow
with quiet_tensorflow():  # as the command loads it
    import gan_tf.training.loop, gan_tf.train
    import tensorflow as tf
for line in sys.stdin:
    request = json.loads(line)
    if isinstance(request, int):
        code = os.waitstatus_to_exitcode(os.waitpid(request, 0)[1])
        print(code, flush=True)
        continue
    arguments, output, variables, devices = request
    child = os.fork()
    if not child:
        file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, 1), os.dup2(file, 2)
        os.environ.update(variables)
        cpu, *_ = tf.config.list_physical_devices("CPU")
        logical = [tf.config.LogicalDeviceConfiguration()] * devices
        tf.config.set_logical_device_configuration(cpu, logical)
        sys.argv = ["train", *arguments]
        del sys.modules["gan_tf.train"]
        runpy.run_module("gan_tf.train", run_name="__main__", alter_sys=True)
        raise SystemExit
    print(child, flush=True)
"""


class ForkServer:
    """A process that has loaded TensorFlow, from which the command's are forked."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment(),
            preexec_fn=hear_ctrl_c,
        )

    def start(
        self, config: Config, run_dir: Path, *flags: str, devices: int = 1, **variables
    ) -> Started:
        """Starts the command on so many logical CPUs, with more in its environment."""
        arguments = [*flags_of(config), f"--run_dir={run_dir}", *flags]
        return self.launch(arguments, variables, devices)

    def launch(
        self, arguments: list[str], variables: dict[str, str], devices: int = 1
    ) -> Started:
        """Starts the command with any arguments."""
        output = Path(tempfile.mkstemp(dir=self._folder.name)[1])
        pid = self.ask([arguments, str(output), variables, devices])
        return Started(pid, output, self)

    def finish(self, config: Config, run_dir: Path, **settings) -> tuple[int, str]:
        """Runs the command to its end: its exit code, and all that it printed."""
        process = self.start(config, run_dir, **settings)
        return process.wait(), process.output()

    def ask(self, request: Any) -> int:
        """Sends a request: what to start, or which process to wait for."""
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """Ends the process."""
        self._process.stdin.close()
        self._process.wait()
        self._folder.cleanup()


class Started:
    """A command that a fork server has started."""

    def __init__(self, pid: int, output: Path, server: ForkServer) -> None:
        self.pid, self._output, self._server = pid, output, server

    def output(self) -> str:
        """What it has printed so far, errors included."""
        return self._output.read_text()

    def wait_for(self, text: str, seconds: float = 120) -> bool:
        """Waits until it has printed this; False once that cannot come."""
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
            state = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2]
        except FileNotFoundError:
            return False
        return state.split()[0] != "Z"  # one that has ended, and nobody waits for

    def signal(self, number: int) -> int:
        """Sends a signal and waits; the exit code."""
        os.kill(self.pid, number)
        return self.wait()

    def wait(self) -> int:
        """Waits for the end; the exit code."""
        return self._server.ask(self.pid)


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
        process = self.server.start(config, run_dir)
        process.wait_for("training on")
        begun = time.monotonic()
        assert process.wait() == 0, process.output()
        self.training_seconds = time.monotonic() - begun
        return config, run_dir


def clear(folder: Path) -> None:
    """Removes a folder, if it is there."""
    subprocess.run(["rm", "-rf", str(folder)], check=True)


KILLED = -signal.SIGKILL  # the exit code
