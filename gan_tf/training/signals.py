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
