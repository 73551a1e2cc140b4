"""Connections to the other workers of a cluster, which are named `name:port`."""

from __future__ import annotations

import socket
import time

ATTEMPT = 2.0  # seconds for a connection


def gone(hosts: list[str], patience: float = 5.0) -> list[str]:
    """The hosts that refuse a connection, now or within `patience` seconds."""
    deadline = time.monotonic() + patience
    while True:
        lost = [host for host in hosts if not reachable(host)]
        if lost or time.monotonic() > deadline:
            return lost
        time.sleep(0.2)


def reachable(host: str) -> bool:
    """Whether something listens there."""
    try:
        connected(host, ATTEMPT).close()
    except (OSError, UnicodeError):
        return False
    return True


def connected(host: str, patience: float) -> socket.socket:
    """A connection to `host`, made within `patience` seconds; raises `OSError`."""
    name, port = address(host)
    connection = socket.create_connection((name, port), patience)
    # On the own machine a free port can be connected with itself, and be in use.
    if connection.getsockname() == connection.getpeername():
        connection.close()
        raise ConnectionRefusedError(0, "Connection refused")
    return connection


def address(host: str) -> tuple[str, int]:
    """The name and the port in `name:port`, or in `[IPv6 address]:port`."""
    name, _, port = host.rpartition(":")
    return name.strip("[]"), int(port)
