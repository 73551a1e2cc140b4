"""The workers of a cluster meet before training: all are here, all want the same.

TensorFlow waits for the other workers inside native code: without end, without a word
and without hearing Ctrl-C. So the workers meet in Python first. Each listens on the
port that TensorFlow is to have, sends the others what it is about to train, and goes
on when it has heard of all of them.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import functools
import json
import os
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

from gan_tf.errors import UserError, printable
from gan_tf.training.cluster import ALONE, Cluster

_MAX_STATEMENT = 1 << 16  # bytes
_ATTEMPT = 2.0  # seconds for one connection

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
    own = {"host": cluster.hosts[cluster.own], "hosts": list(cluster.hosts)} | statement
    line = json.dumps(own).encode() + b"\n"
    heard: dict[str, Statement] = {}
    begun, due = time.monotonic(), first
    with _listening(cluster, line, heard):
        while missing := [host for host in cluster.others if host not in heard]:
            reasons = _ask_all(missing, line, heard)
            waited = time.monotonic() - begun
            silent = [f"{h} ({reasons[h]})" for h in missing if h not in heard]
            if silent and waited > min(due, limit):
                named = ", ".join(silent[:10]) + (", ..." if len(silent) > 10 else "")
                text = f"{len(silent)} of {len(cluster.hosts)} workers: {named}"
                if waited > limit:
                    raise UserError(
                        f"gave up after {limit:.0f} s (--cluster_timeout) without "
                        f"{text}. Start all workers by the same command. {ALONE}"
                    )
                print(f"waiting for {text}. {ALONE}", file=sys.stderr, flush=True)
                due += every
            time.sleep(0.1)
    return heard


@contextlib.contextmanager
def _listening(
    cluster: Cluster, line: bytes, heard: dict[str, Statement]
) -> Iterator[None]:
    """Answers other workers on the own port, which is free again afterwards."""

    class Answer(socketserver.StreamRequestHandler):
        timeout = _ATTEMPT

        def handle(self) -> None:
            with contextlib.suppress(OSError, ValueError):
                statement = _read(self.rfile)
                self.wfile.write(line)
                # The asker closes first: its end of the connection keeps the port
                # for a while, and ours must be free for TensorFlow.
                self.rfile.read(1)
                if statement["host"] in cluster.others:
                    heard[statement["host"]] = statement

    class Server(socketserver.ThreadingTCPServer):
        if socket.has_dualstack_ipv6():  # listen on both kinds of addresses
            address_family = socket.AF_INET6

        def server_bind(self) -> None:
            if self.address_family == socket.AF_INET6:
                self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            super().server_bind()

        allow_reuse_address = os.name == "posix"
        daemon_threads = True

    host = cluster.hosts[cluster.own]
    try:
        server = Server(("", _address(host)[1]), Answer)
    except OSError as error:
        raise UserError(
            f"cannot listen on port {_address(host)[1]} of {host}, which TF_CONFIG or "
            f"Slurm gives to this worker: {error.strerror}. {ALONE}"
        ) from error
    with server:
        thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            server.shutdown()


def _ask_all(
    hosts: list[str], line: bytes, heard: dict[str, Statement]
) -> dict[str, str]:
    """Asks all at once; returns why there is no answer, by host."""
    with concurrent.futures.ThreadPoolExecutor(min(64, len(hosts))) as pool:
        answers = pool.map(functools.partial(_ask, line=line), hosts)
        reasons = {}
        for host, answer in zip(hosts, answers):
            if isinstance(answer, str):
                reasons[host] = answer
            else:
                heard[host] = answer
    return reasons


def _ask(host: str, line: bytes) -> Statement | str:
    """The statement of the worker at `host`, or why there is none."""
    try:
        with socket.create_connection(_address(host), _ATTEMPT) as connection:
            connection.sendall(line)
            with connection.makefile("rb") as answer:
                return _read(answer)
    except (socket.gaierror, UnicodeError):
        return "no such host name"
    except TimeoutError:
        return "no answer"
    except OSError as error:
        return error.strerror or "no connection"
    except ValueError:
        return "something else answers there"


def _read(file: Any) -> Statement:
    """One statement; raises `ValueError` for anything else."""
    try:
        statement = json.loads(file.readline(_MAX_STATEMENT))
    except RecursionError:
        raise ValueError("not a statement") from None
    if not isinstance(statement, dict) or not isinstance(statement.get("host"), str):
        raise ValueError("not a statement")
    return statement


def check_same(own: Statement, others: dict[str, Statement]) -> None:
    """Raises `UserError` if the workers are about to train different things."""
    for host, other in others.items():
        differences = [
            f"{name}: {other.get(name)!r} there, {own.get(name)!r} here"
            for name in sorted(own | other)
            if name != "host" and other.get(name) != own.get(name)
        ]
        if differences:
            raise UserError(
                f"the worker {host} was started in another way "
                f"({printable('; '.join(differences), 500)}): start all workers by "
                "the same command"
            )


def gone(hosts: list[str], patience: float = 5.0) -> list[str]:
    """The hosts that refuse a connection, now or within `patience` seconds."""
    deadline = time.monotonic() + patience
    while True:
        lost = [host for host in hosts if not _reachable(host)]
        if lost or time.monotonic() > deadline:
            return lost
        time.sleep(0.2)


def _reachable(host: str) -> bool:
    try:
        socket.create_connection(_address(host), _ATTEMPT).close()
    except OSError:
        return False
    return True


def _address(host: str) -> tuple[str, int]:
    name, _, port = host.rpartition(":")
    return name.strip("[]"), int(port)
