"""How the fuzzers break their inputs: a few changes at random places, of bytes, of texts and of a format."""

from __future__ import annotations

import json
import random
import re
import struct
from collections.abc import Callable, Iterator, Sequence

Change = Callable[[bytearray, int, random.Random], bytearray]
"""Changes data at a place; it may take another place, if the change needs one."""

INTERESTING = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63, 2**64 - 1)
HOSTILE_NUMBERS = (
    *("-1", "0", "-0", "00", "1.5", "1e308", "1e400", "1e999", "NaN", "inf", "-Infinity", "0x7f", "1_000", "1,5"),
    *("+5", "2147483648", "4294967295", "-9223372036854775808", "\u0663", "\u00b2"),
    *("9" * digits for digits in (5, 10, 20, 400, 5000)),
    *("-" + "9" * 5000, "0." + "1" * 5000),
)
HOSTILE_WORDS = (
    *("\x1b[2J", "\x1b]0;x\x07", "\0", "\x85", "\u2028", "\u202e", "\r", "\n", "\t", "\ufffd", "\U0001f4f1"),
    *("$(reboot)", "`id`", "'; rm -rf /; '", "../../etc/passwd", "%s%n", "{}", "{0}", *"[](){}=:"),
    *("A" * 10_000, " " * 10_000, "\n" * 5_000, "(" * 5_000, "[" * 5_000, "true", "false", "null", "none", "unknown"),
)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def mutated(
    data: bytes,
    others: Sequence[bytes],
    rng: random.Random,
    changes: Sequence[Change] = (),
    *,
    longest: int | None = None,
) -> bytes:
    """One to five changes at random places.

    Args:
        data: what is changed.
        others: inputs of the same kind, of which parts may be taken.
        rng: where the choices come from.
        changes: those of the format, beside the changes of any data.
        longest: bytes of the result; None: any number.
    """
    changed = bytearray(data)
    every = (*_OF_ANY_DATA, lambda data, place, rng: _from_another(data, place, rng, others), *changes)
    for _ in range(rng.randint(1, 5)):
        if not changed:
            break
        changed = rng.choice(every)(changed, rng.randrange(len(changed)), rng)[:longest]
    return bytes(changed)


def _length(data: bytearray, place: int, rng: random.Random) -> int:
    return min(rng.choice((1, 2, 4, 8, 16, 64, 256)), len(data) - place)


def _bit(data: bytearray, place: int, rng: random.Random) -> bytearray:
    data[place] ^= 1 << rng.randrange(8)
    return data


def _byte(data: bytearray, place: int, rng: random.Random) -> bytearray:
    data[place] = rng.randrange(256)
    return data


def _cut_out(data: bytearray, place: int, rng: random.Random) -> bytearray:
    del data[place : place + _length(data, place, rng)]
    return data


def _repeated(data: bytearray, place: int, rng: random.Random) -> bytearray:
    part = data[place : place + _length(data, place, rng)]
    return data[:place] + part * rng.choice((1, 1, 2, 50)) + data[place:]


def _ended(data: bytearray, place: int, rng: random.Random) -> bytearray:
    del rng
    return data[:place]


def _number(data: bytearray, place: int, rng: random.Random) -> bytearray:
    size = rng.choice((1, 2, 4, 8))
    data[place : place + size] = (rng.choice(INTERESTING) % 256**size).to_bytes(size, "little")
    return data


def _near_number(data: bytearray, place: int, rng: random.Random) -> bytearray:
    (number,) = struct.unpack("<I", data[place : place + 4].ljust(4, b"\0"))
    data[place : place + 4] = struct.pack("<I", (number + rng.randint(-8, 8)) % 2**32)
    return data


def _from_another(data: bytearray, place: int, rng: random.Random, others: Sequence[bytes]) -> bytearray:
    other = rng.choice(others)
    start, length = rng.randrange(len(other) + 1), _length(data, place, rng)
    data[place : place + length] = other[start : start + rng.choice((length, 16, 200))]
    return data


_OF_ANY_DATA: tuple[Change, ...] = (_bit, _byte, _cut_out, _repeated, _ended, _number, _near_number)


def varint(data: bytearray, place: int, rng: random.Random) -> bytearray:
    """A number of protobuf becomes another one."""
    end = place
    while end < len(data) - 1 and data[end] > 0x7F and end - place < 9:
        end += 1
    number, written = rng.choice(INTERESTING), bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return data[:place] + written + bytes([number]) + data[end + 1 :]


def json_value(data: bytearray, place: int, rng: random.Random) -> bytearray:
    """A value of a JSON text becomes another one."""
    del place
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return data
    holders = list(_holders(value))
    if not holders:
        return data
    holder, key = rng.choice(holders)
    wild = (None, True, -1, 0, 2**31, 10**30, 1.5, "", "x", "-1", "../x", [], {}, [[]], {"list": {"i": ["9"] * 3}})
    holder[key] = rng.choice([*wild, *(one[name] for one, name in [rng.choice(holders)])])
    try:
        return bytearray(json.dumps(value).encode())
    except (ValueError, RecursionError):
        return data


def _holders(value: object, depth: int = 0):  # type: ignore[no-untyped-def]
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield value, key
        if depth < 40:
            yield from _holders(inner, depth + 1)


def _word(data: bytearray, place: int, rng: random.Random) -> bytearray:
    length = rng.choice((0, _length(data, place, rng)))
    return data[:place] + rng.choice(HOSTILE_WORDS).encode() + data[place + length :]


def _letters(data: bytearray, place: int, rng: random.Random) -> bytearray:
    letters = "".join(chr(rng.randrange(0x3000)) for _ in range(rng.choice((1, 4, 30))))
    return data[:place] + letters.encode() + data[place:]


def _one_number(data: bytearray, place: int, rng: random.Random) -> bytearray:
    found = _NUMBER_IN_BYTES.search(data, place) or _NUMBER_IN_BYTES.search(data)
    if not found:
        return data
    return data[: found.start()] + rng.choice(HOSTILE_NUMBERS).encode() + data[found.end() :]


def _some_numbers(data: bytearray, place: int, rng: random.Random) -> bytearray:
    del place
    return bytearray(
        _NUMBER_IN_BYTES.sub(
            lambda found: rng.choice(HOSTILE_NUMBERS).encode() if rng.random() < 0.2 else found[0], data
        )
    )


def _all_numbers(data: bytearray, place: int, rng: random.Random) -> bytearray:
    del place
    number = rng.choice(HOSTILE_NUMBERS).encode()
    return bytearray(_NUMBER_IN_BYTES.sub(lambda _: number, data, count=200_000 // len(number)))


def _lines(data: bytearray, place: int, rng: random.Random) -> bytearray:
    del place
    lines = data.split(b"\n")
    rng.shuffle(lines)
    return bytearray(b"\n".join(lines))


def _again(data: bytearray, place: int, rng: random.Random) -> bytearray:
    return data[:place] * rng.choice((2, 500))


_NUMBER_IN_BYTES = re.compile(NUMBER.pattern.encode())
OF_TEXTS: tuple[Change, ...] = (_word, _letters, _one_number, _some_numbers, _all_numbers, _lines, _again)
"""Changes of what a program prints: numbers, words, letters, the order of lines and the length."""


def texts(
    corpus: Sequence[str], rng: random.Random, longest: int, errors: Sequence[str] = ("replace",)
) -> Iterator[str]:
    """Endless mutations of texts.

    Args:
        corpus: what mutation begins with.
        rng: where the choices come from.
        longest: bytes of a text.
        errors: what may become of bytes that are no text, in the words of `bytes.decode`.
    """
    data = [text.encode() for text in corpus]
    while True:
        yield mutated(rng.choice(data), data, rng, OF_TEXTS, longest=longest).decode(errors=rng.choice(errors))
