"""adb's keys: what is a key, and which signatures are good."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from mobilebench.virtual.adb_keys import AcceptedKeys, BadKey, parse
from tests.virtual.talking import computer

TOKEN = bytes(range(20))


def test_a_key_verifies_its_own_signatures_and_no_others() -> None:
    key = parse(computer(1).public_key)
    good = computer(1).sign(TOKEN)
    assert key.verifies(TOKEN, good)
    assert not key.verifies(TOKEN, computer(2).sign(TOKEN))
    assert not key.verifies(bytes(20), good)
    for changed in (b"", good[:-1], good + b"\0", bytes([*good[:-1], good[-1] ^ 1]), b"\0" * 256, b"\xff" * 256):
        assert not key.verifies(TOKEN, changed)


def test_the_padding_of_a_signature_counts() -> None:
    """A signature of the bare token, or one with a shorter padding, is none."""
    who = computer(1)
    for text in (TOKEN, b"\1\xff\0" + TOKEN, b"\0\2" + b"\xff" * 218 + b"\0" + TOKEN):
        number = int.from_bytes(text, "big") % who.modulus
        forged = pow(number, who.private_exponent, who.modulus).to_bytes(256, "big")
        assert not parse(who.public_key).verifies(TOKEN, forged)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\0",
        b" ",
        b"not base64!",
        base64.b64encode(b"\x40\0\0\0" + bytes(520)),
        base64.b64encode(b"\x20\0\0\0" + b"\xff" * 520),
        computer(1).public_key[:-30],
        "schlüssel".encode(),
    ],
)
def test_what_is_not_a_key_is_refused(line: bytes) -> None:
    with pytest.raises(BadKey):
        parse(line)


def test_accepted_keys_are_kept_once_without_the_computers_name(tmp_path: Path) -> None:
    keys = AcceptedKeys(tmp_path / "adb_keys")
    assert not keys.verify(TOKEN, computer(1).sign(TOKEN))
    for seed in (1, 2, 1):
        keys.add(parse(computer(seed).public_key))
    text = keys.file.read_text()
    assert len(text.splitlines()) == 2 and "somebody" not in text
    keys.file.write_text(f"# a comment\n{text}")
    assert keys.verify(TOKEN, computer(1).sign(TOKEN)) and keys.verify(TOKEN, computer(2).sign(TOKEN))
    keys.revoke()
    assert not keys.verify(TOKEN, computer(1).sign(TOKEN))
