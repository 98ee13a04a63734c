"""Opens listening sockets in this computer's network for one phone, whose own network is separate.

It opens nothing but ports of the phone's loopback address, hands them over, and ends with the phone. It is a small
process of its own, so it imports little.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys

REQUEST = struct.Struct("<H")
"""A port."""
ANSWER = struct.Struct("<I")
"""0 beside the socket's descriptor, or the system's number of an error."""


def listener(address: str, port: int) -> socket.socket:
    """Listen on a port of this process's network. Raises `OSError`."""
    opened = socket.socket()
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((address, port))
        opened.listen(64)
    except OSError:
        opened.close()
        raise
    return opened


def main() -> None:
    """Open ports for one phone until it ends. Arguments: descriptor of the socket to it, and the phone's address."""
    if os.fork():
        os._exit(0)  # whoever started this need not wait for it
    phone = socket.socket(fileno=int(sys.argv[1]))
    while request := phone.recv(REQUEST.size):
        try:
            with listener(sys.argv[2], *REQUEST.unpack(request)) as opened:
                socket.send_fds(phone, [ANSWER.pack(0)], [opened.fileno()])
        except OSError as error:
            phone.send(ANSWER.pack(error.errno or errno.EIO))
