"""Reads Android's binary XML, as far as a manifest needs it; every read is bounded by the bytes that are there.

Format: frameworks/base, `ResourceTypes.h`. Only the standard library is imported here: this also runs inside the phone.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

ANDROID = "http://schemas.android.com/apk/res/android"

MOST_DEPTH = 64
MOST_ELEMENTS = 20_000
MOST_ATTRIBUTES = 256
MOST_STRINGS = 100_000
_MOST_LETTERS = 32_768

_XML, _STRINGS, _RESOURCES, _START, _END = 0x0003, 0x0001, 0x0180, 0x0102, 0x0103
_UTF_8 = 1 << 8
_NO_STRING = 0xFFFFFFFF
_TEXT, _DECIMAL, _HEXADECIMAL, _BOOLEAN = 0x03, 0x10, 0x11, 0x12

Value = str | int | bool


class BadXml(ValueError):
    """These bytes are not binary XML."""


@dataclass(frozen=True)
class Element:
    """A start tag with its place in the tree."""

    path: tuple[str, ...]
    """Names from the root to the element itself."""
    attributes: Mapping[str, Value]
    """By name; those of Android's namespace begin with `android:`. References to resources are left out."""

    def text(self, name: str) -> str | None:
        value = self.attributes.get(name)
        return value if isinstance(value, str) else None

    def number(self, name: str) -> int | None:
        value = self.attributes.get(name)
        if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10:
            return int(value)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def flag(self, name: str) -> bool:
        value = self.attributes.get(name)
        return value is True or value == "true"


def elements(data: bytes) -> Iterator[Element]:
    """Yield the start tags in their order. Raises `BadXml`."""
    try:
        yield from _elements(memoryview(data))
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise BadXml(f"it ends too early, or holds a wrong offset: {error}") from None


def _elements(data: memoryview) -> Iterator[Element]:
    kind, head, size = struct.unpack_from("<HHI", data)
    if kind != _XML or head < 8 or size > len(data):
        raise BadXml("it does not begin as binary XML")
    strings: _Strings | None = None
    names: tuple[int, ...] = ()
    path: list[str] = []
    found = 0
    at = head
    while at + 8 <= size:
        kind, head, length = struct.unpack_from("<HHI", data, at)
        if head < 8 or length < head or length > size - at:
            raise BadXml("a chunk is longer than the file")
        chunk = data[at : at + length]
        if kind == _STRINGS and strings is None:
            strings = _Strings(chunk)
        elif kind == _RESOURCES:
            names = struct.unpack_from(f"<{(length - head) // 4}I", chunk, head)
        elif kind == _START:
            found += 1
            if strings is None or len(path) >= MOST_DEPTH or found > MOST_ELEMENTS:
                raise BadXml("it has too many elements, or no texts")
            name, attributes = _start(chunk, head, strings, names)
            path.append(name)
            yield Element(tuple(path), attributes)
        elif kind == _END and path:
            path.pop()
        at += length


def _start(chunk: memoryview, head: int, strings: _Strings, names: tuple[int, ...]) -> tuple[str, dict[str, Value]]:
    _, name, start, size, count = struct.unpack_from("<IIHHH", chunk, head)
    if count > MOST_ATTRIBUTES or (count and size < 20):
        raise BadXml("an element has too many attributes")
    attributes: dict[str, Value] = {}
    for number in range(count):
        space, key, raw, _, _, kind, value = struct.unpack_from("<IIIHBBI", chunk, head + start + number * size)
        read = _value(strings, raw, kind, value)
        if read is not None:
            attributes.setdefault(_attribute(strings, names, space, key), read)
    return strings.at(name), attributes


def _attribute(strings: _Strings, names: tuple[int, ...], space: int, key: int) -> str:
    """Android's own attributes are known by their number, because their names may be left out."""
    if key < len(names) and names[key] in _NUMBERS:
        return f"android:{_NUMBERS[names[key]]}"
    prefix = "android:" if space != _NO_STRING and strings.at(space) == ANDROID else ""
    return prefix + strings.at(key)


def _value(strings: _Strings, raw: int, kind: int, value: int) -> Value | None:
    if kind == _TEXT:
        return strings.at(value)
    if kind == _BOOLEAN:
        return value != 0
    if kind in (_DECIMAL, _HEXADECIMAL):
        return value - (1 << 32) if value >= 1 << 31 else value
    return strings.at(raw) if raw != _NO_STRING else None


_NUMBERS = {
    0x01010003: "name", 0x0101000F: "debuggable", 0x01010010: "exported", 0x01010021: "targetPackage",
    0x0101020C: "minSdkVersion", 0x0101021B: "versionCode", 0x0101021C: "versionName", 0x01010270: "targetSdkVersion",
    0x01010272: "testOnly", 0x010104EA: "extractNativeLibs", 0x01010576: "versionCodeMajor",
}  # fmt: skip
"""Android's numbers of the attributes that are read: frameworks/base, `public.xml`."""
NUMBERS = {name: number for number, name in _NUMBERS.items()}


class _Strings:
    """The pool of texts; a text is read when it is asked for."""

    def __init__(self, chunk: memoryview) -> None:
        _, head, _, count, _, flags, start, _ = struct.unpack_from("<HHIIIIII", chunk)
        if count > MOST_STRINGS or head + 4 * count > len(chunk):
            raise BadXml("it has more texts than room for them")
        self._chunk = chunk
        self._offsets = struct.unpack_from(f"<{count}I", chunk, head)
        self._start = start
        self._is_utf_8 = bool(flags & _UTF_8)

    def at(self, index: int) -> str:
        if index >= len(self._offsets):
            raise BadXml("it names a text that it does not have")
        place = self._start + self._offsets[index]
        return self._of_utf_8(place) if self._is_utf_8 else self._of_utf_16(place)

    def _of_utf_8(self, place: int) -> str:
        _, place = self._short(place)
        length, place = self._short(place)
        return bytes(self._taken(place, length)).decode("utf-8")

    def _of_utf_16(self, place: int) -> str:
        (length,) = struct.unpack_from("<H", self._chunk, place)
        place += 2
        if length & 0x8000:
            (low,) = struct.unpack_from("<H", self._chunk, place)
            length, place = (length & 0x7FFF) << 16 | low, place + 2
        return bytes(self._taken(place, 2 * length)).decode("utf-16-le")

    def _short(self, place: int) -> tuple[int, int]:
        """A length of one byte or two, and the place after it."""
        first = self._chunk[place]
        if first & 0x80:
            return (first & 0x7F) << 8 | self._chunk[place + 1], place + 2
        return first, place + 1

    def _taken(self, place: int, length: int) -> memoryview:
        if length > 2 * _MOST_LETTERS or place + length > len(self._chunk):
            raise BadXml("a text is longer than the file")
        return self._chunk[place : place + length]
