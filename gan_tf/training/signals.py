"""Ctrl-C, SIGTERM and a lost terminal: the run saves before they take effect."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

# SIGHUP: the terminal or the ssh connection is gone. Windows does not have it.
NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


@contextlib.contextmanager
def caught() -> Iterator[list[int]]:
    """A list that receives the first signal; a second one acts at once.

    A signal that the caller ignores stays ignored: `nohup` does so with SIGHUP.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received  # Python allows handlers in the main thread only
        return
    numbers = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    handled = {
        number: handler
        for number, handler in before.items()
        if handler not in (signal.SIG_IGN, None)
    }

    def receive(number: int, _: object) -> None:
        received.append(number)
        signal.signal(number, handled[number])

    for number in handled:
        signal.signal(number, receive)
    try:
        yield received
    finally:
        for number, handler in handled.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def at_once() -> Iterator[None]:
    """For a block of native code in which no handler of Python's would run.

    Signals end the process. Only SIGTERM waits for the end of the block, since
    TensorFlow takes its handling there; `watchdog` acts on it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        if before[number] != signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    with _blocked(signal.SIGTERM):
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler or signal.SIG_DFL)


@contextlib.contextmanager
def kept_from_new_threads(number: int) -> Iterator[None]:
    """Threads that native code starts in the block never take this signal.

    So `at_once` can hold it back. Meanwhile a thread of its own takes it.
    """
    over = threading.Event()
    thread = threading.Thread(target=over.wait, daemon=True)
    thread.start()
    try:
        with _blocked(number):
            yield
    finally:
        over.set()
        thread.join()


@contextlib.contextmanager
def _blocked(number: int) -> Iterator[None]:
    """The signal reaches this thread at the end of the block only; not on Windows."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {number})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def exit_on_signal(number: int, step: int) -> None:
    """Ends the program as the signal would have, now that the run is saved.

    Raises:
        KeyboardInterrupt: for SIGINT, as a notebook expects it.
        SystemExit: for the others, with code 128 + number, as shells have it.
    """
    name = signal.Signals(number).name
    text = f"stopped by {name} at step {step}, saved; the same command goes on there"
    if number == signal.SIGINT:
        raise KeyboardInterrupt(text)
    with contextlib.suppress(OSError):  # nobody reads it any more
        print(text, flush=True)
    raise SystemExit(128 + number)
