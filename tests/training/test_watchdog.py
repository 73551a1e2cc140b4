"""A process that hangs in native code ends: by a signal, a lost worker, the limit."""

import signal
import socket
import subprocess
import sys
import threading

import pytest

from gan_tf.training import signals, watchdog
from tests.conftest import environment

HANGING = """
import sys, time
from gan_tf.training import signals, watchdog
watchdog.PATIENCE = float(sys.argv[2])
with watchdog.watched(["localhost:" + sys.argv[1]], float(sys.argv[3])):
    with signals.at_once():
        print("begun", flush=True)
        time.sleep(60)
"""


@pytest.mark.parametrize(
    ("patience", "limit", "number", "code", "words"),
    [
        (60, 60, signal.SIGTERM, -9, ""),
        (60, 60, signal.SIGINT, -2, ""),
        (60, 0.1, None, -9, "gave up joining the cluster"),
        (0.1, 60, None, -9, "lost localhost:PORT while joining the cluster"),
    ],
)
def test_a_hanging_process_ends(patience, limit, number, code, words):
    with socket.create_server(("localhost", 0)) as other:
        port = str(other.getsockname()[1])
        if "lost" in words:
            other.close()
        process = subprocess.Popen(
            [sys.executable, "-c", HANGING, port, str(patience), str(limit)],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        assert process.stdout.readline() == "begun\n"
        if number:
            process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == code
    assert words.replace("PORT", port) in errors
    assert len(errors.splitlines()) == bool(words)


def test_afterwards_signals_are_as_they_were():
    before = signal.getsignal(signal.SIGTERM)
    with watchdog.watched([], 60), signals.at_once():
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        assert signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert signal.getsignal(signal.SIGTERM) == before
    assert signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_threads_that_native_code_starts_do_not_take_sigterm():
    masks = []

    def look():
        masks.append(signal.pthread_sigmask(signal.SIG_BLOCK, []))

    with signals.kept_from_new_threads(signal.SIGTERM):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    look()
    assert [signal.SIGTERM in mask for mask in masks] == [True, False]
