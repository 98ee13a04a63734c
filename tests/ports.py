"""Ports for servers of tests that start again on the same one."""

from __future__ import annotations

import random
import socket


def lasting_port() -> int:
    """A free port of loopback that the kernel gives to no connection and to no server that asks for any port."""
    ports = list(range(20_000, 32_000))
    random.SystemRandom().shuffle(ports)
    for port in ports:
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue
    raise AssertionError("every port is in use")
