"""Reads protobuf's wire format without a library: lengths are checked, nothing is copied, and no native code runs.

Source: the encoding as published in protobuf's documentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from mobilebench.models.inspection.malformed import Malformed, cut_short

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
_FIXED = {FIXED64: 8, FIXED32: 4}


class Field(NamedTuple):
    """One field of a message: for VARINT its value, for all others the position of its bytes."""

    number: int
    kind: int
    value: int
    start: int
    end: int


def fields(data: memoryview, start: int, end: int) -> Iterator[Field]:
    """The fields of the message that lies at data[start:end].

    Raises:
        Malformed: the bytes are not the fields of a message.
    """
    place = start
    while place < end:
        tag, place = varint(data, place, end)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise Malformed("is damaged: a field has number 0")
        if kind == VARINT:
            value, place = varint(data, place, end)
            yield Field(number, kind, value, place, place)
        elif kind == LENGTH:
            length, place = varint(data, place, end)
            if length > end - place:
                raise cut_short(f"field {number}")
            yield Field(number, kind, 0, place, place + length)
            place += length
        elif kind in _FIXED:
            if _FIXED[kind] > end - place:
                raise cut_short(f"field {number}")
            yield Field(number, kind, 0, place, place + _FIXED[kind])
            place += _FIXED[kind]
        else:
            raise Malformed(f"is damaged: field {number} is of unknown kind {kind}")


def varint(data: memoryview, place: int, end: int) -> tuple[int, int]:
    """An unsigned integer of at most 64 bits, and where it ends.

    Raises:
        Malformed: it is longer than ten bytes, or reaches past the end.
    """
    value = shift = 0
    while place < end:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, place
        shift += 7
        if shift > 63:
            raise Malformed("is damaged: a number is longer than ten bytes")
    raise cut_short("a number")


def varints(data: memoryview, start: int, end: int) -> Iterator[int]:
    """Packed unsigned integers."""
    place = start
    while place < end:
        value, place = varint(data, place, end)
        yield value


def signed(value: int) -> int:
    """The two's complement reading of a 64-bit value."""
    return value - (1 << 64) if value >> 63 else value


def encode_varint(value: int) -> bytes:
    """An unsigned integer as bytes."""
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def encode(field: Field, data: memoryview) -> bytes:
    """Encode a field that was read before."""
    tag = encode_varint(field.number << 3 | field.kind)
    if field.kind == VARINT:
        return tag + encode_varint(field.value)
    body = bytes(data[field.start : field.end])
    return tag + (encode_varint(len(body)) if field.kind == LENGTH else b"") + body


def encode_message(number: int, body: bytes) -> bytes:
    """A message as field of another one."""
    return encode_varint(number << 3 | LENGTH) + encode_varint(len(body)) + body
