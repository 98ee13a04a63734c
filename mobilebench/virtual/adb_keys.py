"""The RSA keys by which a phone knows a computer: public keys in adb's format, signatures, and the accepted keys.

Only the standard library is imported here: this also runs inside the phone.
"""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass
from pathlib import Path

from mobilebench.core import atomic_files

TOKEN_BYTES = 20
"""Size of a token, which is signed as if it were a SHA-1 digest."""
_WORDS = 64
_BYTES = 4 * _WORDS
_KEY = struct.Struct(f"<2I{_BYTES}s{_BYTES}sI")
_SHA1 = bytes.fromhex("3021300906052b0e03021a05000414")
"""Start of the ASN.1 structure that names SHA-1 before a digest."""
_EXPONENTS = frozenset({3, 65537})
_MOST = 64


class BadKey(ValueError):
    """A text that is not an RSA key of 2048 bits as adb sends it."""


@dataclass(frozen=True)
class PublicKey:
    """A computer's public key."""

    modulus: int
    exponent: int
    text: str
    """The key in base64, without the computer's name."""

    def verifies(self, token: bytes, signature: bytes) -> bool:
        """Whether the signature of the token (PKCS #1 v1.5 with SHA-1) was made with this key."""
        number = int.from_bytes(signature, "big")
        if len(signature) != _BYTES or number >= self.modulus or len(token) != TOKEN_BYTES:
            return False
        padding = b"\xff" * (_BYTES - 3 - len(_SHA1) - TOKEN_BYTES)
        signed = pow(number, self.exponent, self.modulus).to_bytes(_BYTES, "big")
        return signed == b"\0\1" + padding + b"\0" + _SHA1 + token


def parse(line: bytes) -> PublicKey:
    """Parse a key as a computer sends it, and as it stands in `adbkey.pub`: base64, then perhaps a space and a name.

    Raises:
        BadKey: it is not one.
    """
    words = line.rstrip(b"\0").split(None, 1)
    try:
        data = base64.b64decode(words[0], validate=True) if words else b""
        words_of_modulus, _, modulus, _, exponent = _KEY.unpack(data)
    except (binascii.Error, struct.error):
        raise BadKey("not a key of adb") from None
    number = int.from_bytes(modulus, "little")
    if words_of_modulus != _WORDS or number.bit_length() != 8 * _BYTES or not number % 2 or exponent not in _EXPONENTS:
        raise BadKey("not an RSA key of 2048 bits")
    return PublicKey(number, exponent, words[0].decode("ascii"))


@dataclass(frozen=True)
class AcceptedKeys:
    """The computers that the phone's user has accepted, in a file such as Android's `/data/misc/adb/adb_keys`."""

    file: Path

    def verify(self, token: bytes, signature: bytes) -> bool:
        """Whether one of the keys made this signature."""
        return any(key.verifies(token, signature) for key in self.all())

    def all(self) -> list[PublicKey]:
        """The accepted keys; lines that are not keys are left out, as adbd does."""
        keys = []
        try:
            lines = self.file.read_bytes().splitlines()
        except OSError:
            return []
        for line in lines:
            try:
                keys.append(parse(line))
            except BadKey:
                continue
        return keys

    def add(self, key: PublicKey) -> None:
        """Accept a key from now on; the oldest of more than 64 is forgotten."""
        texts = [known.text for known in self.all() if known.text != key.text]
        lines = [*texts, key.text][-_MOST:]
        atomic_files.write_text(self.file, "".join(f"{line}\n" for line in lines), mode=0o600, alone=True)

    def revoke(self) -> None:
        """Forget all keys ("Revoke USB debugging authorisations")."""
        self.file.unlink(missing_ok=True)
