"""The packets of the adb transport: 24 bytes of header, then the payload."""

from __future__ import annotations

import struct
from dataclasses import dataclass

VERSION = 0x01000001
"""Protocol version from which neither side computes checksums."""
MAX_PAYLOAD = 1 << 20

SYNC = 0x434E5953
CNXN = 0x4E584E43
AUTH = 0x48545541
OPEN = 0x4E45504F
OKAY = 0x59414B4F
CLSE = 0x45534C43
WRTE = 0x45545257

COMMANDS = frozenset({SYNC, CNXN, AUTH, OPEN, OKAY, CLSE, WRTE})

_HEADER = struct.Struct("<6I")


class ProtocolError(Exception):
    """The other side does not speak adb; nothing after this byte can be trusted."""


@dataclass(frozen=True)
class Packet:
    """One message; the meaning of the arguments depends on the command."""

    command: int
    arg0: int = 0
    arg1: int = 0
    payload: bytes = b""

    def encode(self, *, checksum: bool = False) -> bytes:
        """The packet's bytes; `checksum` is for peers older than `VERSION`."""
        total = sum(self.payload) & 0xFFFFFFFF if checksum else 0
        magic = self.command ^ 0xFFFFFFFF
        return _HEADER.pack(self.command, self.arg0, self.arg1, len(self.payload), total, magic) + self.payload


class PacketParser:
    """Splits a byte stream into packets, regardless of its chunks."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._have = 0
        self._header: tuple[int, int, int, int] | None = None

    def feed(self, data: bytes) -> list[Packet]:
        """Return the packets that these bytes complete.

        Raises:
            ProtocolError: a header is not valid; the parser must not be used afterwards.
        """
        self._chunks.append(data)
        self._have += len(data)
        packets = []
        while (packet := self._next()) is not None:
            packets.append(packet)
        return packets

    def _next(self) -> Packet | None:
        if self._header is None:
            if self._have < _HEADER.size:
                return None
            self._header = _checked(self._take(_HEADER.size))
        command, arg0, arg1, length = self._header
        if self._have < length:
            return None
        self._header = None
        return Packet(command, arg0, arg1, self._take(length))

    def _take(self, count: int) -> bytes:
        joined = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        rest = joined[count:]
        self._chunks = [rest] if rest else []
        self._have = len(rest)
        return joined[:count]


def _checked(header: bytes) -> tuple[int, int, int, int]:
    command, arg0, arg1, length, _checksum, magic = _HEADER.unpack(header)
    if command not in COMMANDS or magic != command ^ 0xFFFFFFFF:
        raise ProtocolError(f"unknown command {command:#010x}")
    if length > MAX_PAYLOAD:
        raise ProtocolError(f"a payload of {length} bytes is larger than {MAX_PAYLOAD}")
    return command, arg0, arg1, length
