"""Changes one value in a compiled AndroidManifest.xml, for attributes' values that aapt 10 does not know yet."""

from __future__ import annotations

import struct

FOREGROUND_SERVICE_TYPE = 0x01010599
"""Resource id of attribute `android:foregroundServiceType`."""
DATA_SYNC = 0x1
SPECIAL_USE = 0x40000000

_FILE, _RESOURCE_IDS, _START_ELEMENT = 0x0003, 0x0180, 0x0102
_FLAGS = 0x11


def with_value(xml: bytes, attribute: int, old: int, new: int) -> bytes:
    """The XML with flags `new` in the one attribute with this resource id, which has the flags `old`.

    Raises:
        ValueError: it is no compiled XML, or there is not exactly one such attribute with that value.
    """
    kind, header, size = struct.unpack_from("<HHI", xml)
    if kind != _FILE or size != len(xml):
        raise ValueError("this is no compiled XML")
    ids: tuple[int, ...] = ()
    found: list[int] = []
    place = header
    while place < len(xml):
        kind, header, size = struct.unpack_from("<HHI", xml, place)
        if size < 8:
            raise ValueError("the compiled XML is damaged")
        if kind == _RESOURCE_IDS:
            ids = struct.unpack_from(f"<{(size - header) // 4}I", xml, place + header)
        elif kind == _START_ELEMENT:
            found += [value for name, value in _attributes(xml, place + header) if ids[name : name + 1] == (attribute,)]
        place += size
    if len(found) != 1 or struct.unpack_from("<BI", xml, found[0]) != (_FLAGS, old):
        raise ValueError(f"there is not exactly one attribute {attribute:#x} with flags {old:#x}")
    changed = bytearray(xml)
    struct.pack_into("<I", changed, found[0] + 1, new)
    return bytes(changed)


def _attributes(xml: bytes, element: int) -> list[tuple[int, int]]:
    """Of each attribute, the index of its name, and the place of its value's type, which the value follows."""
    start, size, count = struct.unpack_from("<HHH", xml, element + 8)
    places = [element + start + number * size for number in range(count)]
    return [(struct.unpack_from("<I", xml, place + 4)[0], place + 15) for place in places]
