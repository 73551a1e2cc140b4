"""Ends a process that hangs in TensorFlow's join of a cluster.

A worker that dies between the meeting and the join makes the others wait for it in
native code: it holds Python's lock, and SIGTERM is TensorFlow's. No Python code of that
process can run, so this is a process of its own.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from gan_tf.training.connections import reachable

PATIENCE = 60.0  # seconds that a worker may need to open its port again


@contextlib.contextmanager
def watched(hosts: list[str], limit: float) -> Iterator[None]:
    """Another process ends this one if the block takes too long.

    That is: after `limit` seconds; if one of `hosts` cannot be reached for `PATIENCE`
    seconds; or, on Linux, if SIGTERM waits to be delivered, see `signals.at_once`.
    """
    numbers = [str(os.getpid()), str(limit), str(PATIENCE)]
    try:
        watch = subprocess.Popen(
            [sys.executable, "-m", __name__, *numbers, *hosts],
            stdin=subprocess.PIPE,  # its end means that all is well
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            start_new_session=True,  # Ctrl-C is for us
        )
    except OSError:  # it is a precaution only
        yield
        return
    try:
        yield
    finally:
        watch.communicate()


def main() -> None:
    """Watches the process whose number, limit, patience and hosts are given."""
    process, limit, patience = int(sys.argv[1]), *map(float, sys.argv[2:4])
    threading.Thread(target=_leave_with_caller, daemon=True).start()
    begun = time.monotonic()
    seen = dict.fromkeys(sys.argv[4:], begun)
    reason = ""
    while not reason:
        time.sleep(0.5)
        if _is_terminated(process):
            break
        seen |= {host: time.monotonic() for host in seen if reachable(host)}
        now = time.monotonic()
        if lost := [host for host, when in seen.items() if now - when > patience]:
            reason = f"lost {', '.join(lost)} while joining the cluster"
        elif now - begun > limit:
            reason = "gave up joining the cluster (--cluster_timeout)"
    if reason:
        print(f"{reason}; start all workers again by the same command", file=sys.stderr)
    os.kill(process, getattr(signal, "SIGKILL", signal.SIGTERM))


def _leave_with_caller() -> None:
    while os.read(0, 1):
        pass
    os._exit(0)


def _is_terminated(process: int) -> bool:
    """Whether SIGTERM is blocked by a process and waits for it."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:  # not Linux
        return False
    waiting = re.search(r"^ShdPnd:\s*(\w+)", status, re.MULTILINE)
    return bool(waiting and int(waiting[1], 16) >> (signal.SIGTERM - 1) & 1)


if __name__ == "__main__":
    main()
