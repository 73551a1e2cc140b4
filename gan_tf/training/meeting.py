"""The workers of a cluster meet before training: all are here, all want the same.

TensorFlow waits for the other workers inside native code: without end, without a word
and without hearing Ctrl-C. So the workers meet in Python first. Each listens on the
port that TensorFlow is to have, and stays connected with all the others: a connection
that ends is a worker that has ended. Again and again each one says what it is about to
train and how far it is: it waits, it hears all the others, it goes on. It goes on as
soon as it knows that all hear all, or that another one does so.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, BinaryIO

from gan_tf.errors import UserError, printable
from gan_tf.training.cluster import ALONE, Cluster
from gan_tf.training.connections import ATTEMPT, address, connected

_MAX_STATEMENT = 1 << 16  # bytes
_BEAT = 0.5  # seconds between two statements of a worker
_WAITS, _HEARS_ALL, _GOES_ON = range(3)  # how far a worker is

Statement = dict[str, Any]


def meet(
    cluster: Cluster,
    statement: Statement,
    limit: float,
    first: float = 5.0,
    every: float = 60.0,
) -> dict[str, Statement]:
    """Waits for the other workers; returns the statement of each, by host.

    Prints which ones are missing, after `first` seconds and `every` so many.

    Raises:
        UserError: some are still missing after `limit` seconds, or the own port is in
            use.
    """
    meeting = _Meeting(cluster, statement)
    due = first
    with _answering(meeting), _asking(meeting):
        while meeting.progress != _GOES_ON:
            with meeting.news:
                meeting.news.wait(0.1)
            if meeting.waited > min(due, limit) and (text := meeting.missing()):
                if meeting.waited > limit:
                    raise UserError(
                        f"gave up after {limit:.0f} s (--cluster_timeout) without "
                        f"{text}. Start all workers by the same command. {ALONE}"
                    )
                print(f"waiting for {text}. {ALONE}", file=sys.stderr, flush=True)
                due += every
    return meeting.heard


@dataclasses.dataclass
class _Meeting:
    """What the threads of a meeting share; `news` guards it and reports changes.

    Attributes:
        statement: what this worker says.
        heard: what each other worker said last.
        absent: why a worker is not connected, by host.
        over: all connections are to end.
    """

    cluster: Cluster
    statement: Statement
    begun: float = dataclasses.field(default_factory=time.monotonic)
    heard: dict[str, Statement] = dataclasses.field(default_factory=dict)
    absent: dict[str, str] = dataclasses.field(default_factory=dict)
    progress: int = _WAITS
    over: bool = False
    news: threading.Condition = dataclasses.field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self.absent = dict.fromkeys(self.cluster.others, "no answer")

    @property
    def waited(self) -> float:
        """Seconds since the meeting began."""
        return time.monotonic() - self.begun

    @property
    def patience(self) -> float:
        """Seconds for one attempt: it grows, so that a slow answer counts at last."""
        return max(ATTEMPT, self.waited)

    def line(self) -> bytes:
        """What this worker says now."""
        own = {"host": self.cluster.hosts[self.cluster.own], "progress": self.progress}
        return json.dumps(self.statement | own).encode() + b"\n"

    def note(self, host: str, found: Statement | str) -> None:
        """Notes a statement of another worker, or why there is none."""
        with self.news:
            if isinstance(found, str):
                self.absent[host] = found
            else:
                self.absent.pop(host, None)
                self.heard[host] = found
            all_heard = len(self.heard) == len(self.cluster.others)
            said = {one["progress"] for one in self.heard.values()}
            if self.progress == _GOES_ON or (all_heard and _GOES_ON in said):
                self.progress = _GOES_ON
            elif self.absent:
                self.progress = _WAITS
            else:
                self.progress = _GOES_ON if said == {_HEARS_ALL} else _HEARS_ALL
            self.news.notify_all()

    def missing(self) -> str:
        """Which workers are not here, and why; or which do not hear all the others."""
        with self.news:
            waiting = [h for h, one in self.heard.items() if one["progress"] == _WAITS]
            why = self.absent or dict.fromkeys(waiting, "does not reach all the others")
        named = [f"{host} ({reason})" for host, reason in why.items()]
        more = ", ..." if len(named) > 10 else ""
        text = f"{len(named)} of {len(self.cluster.hosts)} workers: "
        return text + ", ".join(named[:10]) + more if named else ""


@contextlib.contextmanager
def _answering(meeting: _Meeting) -> Iterator[None]:
    """Speaks to other workers on the own port, which is free again afterwards."""

    class Answer(socketserver.StreamRequestHandler):
        timeout = ATTEMPT

        def handle(self) -> None:
            with contextlib.suppress(OSError):
                while not meeting.over:
                    line = meeting.line()
                    self.wfile.write(line)
                    with meeting.news:
                        if line == meeting.line() and not meeting.over:
                            meeting.news.wait(_BEAT)
                if meeting.progress == _GOES_ON:
                    self.wfile.write(meeting.line())
                    # The asker closes first: its end of the connection keeps the port
                    # for a while, and ours must be free for TensorFlow.
                    self.rfile.read(1)

    class Server(socketserver.ThreadingTCPServer):
        if socket.has_dualstack_ipv6():  # listen on both kinds of addresses
            address_family = socket.AF_INET6

        def server_bind(self) -> None:
            if self.address_family == socket.AF_INET6:
                self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            super().server_bind()

        allow_reuse_address = os.name == "posix"
        request_queue_size = 128

    host = meeting.cluster.hosts[meeting.cluster.own]
    try:
        server = Server(("", address(host)[1]), Answer)
    except OSError as error:
        raise UserError(
            f"cannot listen on port {address(host)[1]} of {host}, which TF_CONFIG or "
            f"Slurm gives to this worker: {error.strerror}. {ALONE}"
        ) from error
    with server:  # its end waits for the last word to each
        threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


@contextlib.contextmanager
def _asking(meeting: _Meeting) -> Iterator[None]:
    """Listens to all other workers, each in a thread."""
    threads = [
        threading.Thread(target=_ask, args=(host, meeting), daemon=True)
        for host in meeting.cluster.others
    ]
    for thread in threads:
        thread.start()
    try:
        yield
        # They end by themselves; TensorFlow's signals are not theirs.
        for thread in threads:
            thread.join(ATTEMPT)
    finally:
        with meeting.news:
            meeting.over = True
            meeting.news.notify_all()


def _ask(host: str, meeting: _Meeting) -> None:
    """Notes what the worker at `host` says, until the meeting is over."""
    while not meeting.over and meeting.progress != _GOES_ON:
        meeting.note(host, _listen(host, meeting))
        time.sleep(0.2)


def _listen(host: str, meeting: _Meeting) -> str:
    """The same over one connection; returns why that has ended."""
    try:
        with (
            connected(host, meeting.patience) as connection,
            connection.makefile("rb") as lines,
        ):
            while meeting.progress != _GOES_ON:
                connection.settimeout(meeting.patience)
                said = _read(lines)
                if said["host"] != host:
                    return f"{printable(said['host'], 100)} answers there"
                meeting.note(host, said)
            return ""
    except (socket.gaierror, UnicodeError):
        return "no such host name"
    except TimeoutError:
        return "no answer"
    except OSError as error:
        return error.strerror or "no connection"
    except ValueError:
        return "something else answers there"


def _read(file: BinaryIO) -> Statement:
    """One statement.

    Raises:
        TimeoutError: there is none any more.
        ValueError: it is something else.
    """
    line = file.readline(_MAX_STATEMENT)
    if not line:
        raise TimeoutError
    try:
        statement = json.loads(line)
    except RecursionError:
        raise ValueError("not a statement") from None
    if (
        not isinstance(statement, dict)
        or not isinstance(statement.get("host"), str)
        or statement.get("progress") not in (_WAITS, _HEARS_ALL, _GOES_ON)
    ):
        raise ValueError("not a statement")
    return statement


def check_same(own: Statement, others: dict[str, Statement]) -> None:
    """Raises `UserError` if the workers are about to train different things."""
    for host, other in others.items():
        differences = [
            f"{name}: {other.get(name)!r} there, {own.get(name)!r} here"
            for name in sorted(own | other)
            if name not in ("host", "progress") and other.get(name) != own.get(name)
        ]
        if differences:
            raise UserError(
                f"the worker {host} was started in another way "
                f"({printable('; '.join(differences), 500)}): start all workers by "
                "the same command"
            )
