"""The computer's side of adb without adb: packet by packet, with a key of its own."""

from __future__ import annotations

import base64
import contextlib
import random
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Self

from mobilebench.virtual.adb_transport import AUTH, CLSE, CNXN, OKAY, OPEN, VERSION, WRTE, Packet, PacketParser
from mobilebench.virtual.phone_records import VirtualPhone

TOKEN, SIGNATURE, PUBLIC_KEY = 1, 2, 3
HELLO = Packet(CNXN, VERSION, 1 << 20, b"host::features=shell_v2,cmd,stat_v2,ls_v2,sendrecv_v2")
_SHA1 = bytes.fromhex("3021300906052b0e03021a05000414")
_SMALL = [n for n in range(3, 2000, 2) if all(n % d for d in range(3, int(n**0.5) + 1, 2))]


@dataclass(frozen=True)
class Computer:
    """A computer with an RSA key."""

    modulus: int
    private_exponent: int
    exponent: int = 65537

    @property
    def public_key(self) -> bytes:
        """The key as adb sends it, with the computer's name."""
        words = struct.pack("<2I", 64, pow(-self.modulus, -1, 1 << 32))
        square = pow(2, 4096, self.modulus)
        numbers = self.modulus.to_bytes(256, "little") + square.to_bytes(256, "little")
        return base64.b64encode(words + numbers + struct.pack("<I", self.exponent)) + b" somebody@somewhere\0"

    def sign(self, token: bytes) -> bytes:
        """The signature of a token."""
        padded = b"\0\1" + b"\xff" * (256 - 3 - len(_SHA1) - len(token)) + b"\0" + _SHA1 + token
        return pow(int.from_bytes(padded, "big"), self.private_exponent, self.modulus).to_bytes(256, "big")


@cache
def computer(seed: int) -> Computer:
    """A computer whose key is made from this seed; it protects nothing."""
    rng = random.Random(seed)
    while True:
        p, q = _prime(rng), _prime(rng)
        modulus, order = p * q, (p - 1) * (q - 1)
        if modulus.bit_length() == 2048 and order % 65537:
            return Computer(modulus, pow(65537, -1, order))


def _prime(rng: random.Random) -> int:
    while True:
        number = rng.getrandbits(1024) | 3 << 1022 | 1
        if all(number % small for small in _SMALL) and pow(2, number - 1, number) == 1:
            return number


class Talk:
    """One connection to a phone."""

    def __init__(self, phone: VirtualPhone, *, timeout: float = 60) -> None:
        host, port = phone.serial.split(":")
        self._socket = socket.create_connection((host, int(port)), timeout=timeout)
        self._parser = PacketParser()
        self._heard: list[Packet] = []
        self.written: list[bytes] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def greet(self, who: Computer | None = None) -> Packet:
        """Shake hands with an accepted key; return the phone's banner."""
        who = who or computer(1)
        self.say(HELLO)
        token = self.hear(AUTH).payload
        self.say(Packet(AUTH, SIGNATURE, 0, who.sign(token)))
        answer = self.next()
        if answer.command == AUTH:
            self.say(Packet(AUTH, PUBLIC_KEY, 0, who.public_key))
            answer = self.hear(CNXN)
        assert answer.command == CNXN
        return answer

    def open(self, service: bytes, number: int = 77) -> int:
        """Open a service, and return its number on the phone."""
        self.say(Packet(OPEN, number, 0, service + b"\0"))
        return self.hear(OKAY).arg0

    def output(self, service: bytes, number: int = 77) -> bytes:
        """Everything that a service writes until it closes."""
        self.open(service, number)
        self.hear(CLSE, meanwhile=WRTE)
        written, self.written = self.written, []
        return b"".join(written)

    def say(self, packet: Packet | bytes) -> None:
        self._socket.sendall(packet.encode() if isinstance(packet, Packet) else packet)

    def hear(self, command: int, meanwhile: int | None = None) -> Packet:
        """The next packet with this command; earlier packets of `meanwhile` are acknowledged and collected."""
        while (packet := self.next()).command != command:
            assert packet.command == meanwhile
            self._take(packet)
        return packet

    def until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            self._take(self.next())

    def rest(self) -> list[Packet]:
        """What the phone says until it hangs up, or until it was silent for the time limit."""
        with contextlib.suppress(TimeoutError, ConnectionError):
            while data := self._socket.recv(65536):
                self._heard += self._parser.feed(data)
        heard, self._heard = self._heard, []
        return heard

    def hung_up(self) -> bool:
        """Wait until the phone ends the connection."""
        with contextlib.suppress(ConnectionError):
            while self._socket.recv(65536):
                pass
        return True

    def _take(self, packet: Packet) -> None:
        self.written.append(packet.payload)
        self.say(Packet(OKAY, packet.arg1, packet.arg0))

    def next(self) -> Packet:
        while not self._heard:
            data = self._socket.recv(65536)
            assert data, "the phone hung up"
            self._heard += self._parser.feed(data)
        return self._heard.pop(0)
