"""The picture that `screencap` takes: the views on the display, drawn as boxes with their texts."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

Colour = tuple[int, int, int]

_GLYPHS = {
    "A": "0e11111f111111", "B": "1e11111e11111e", "C": "0e11101010110e", "D": "1e11111111111e", "E": "1f10101e10101f",
    "F": "1f10101e101010", "G": "0e11101713110f", "H": "1111111f111111", "I": "0e04040404040e", "J": "0702020202120c",
    "K": "11121418141211", "L": "1010101010101f", "M": "111b1515111111", "N": "11191513111111", "O": "0e11111111110e",
    "P": "1e11111e101010", "Q": "0e11111115120d", "R": "1e11111e141211", "S": "0f10100e01011e", "T": "1f040404040404",
    "U": "1111111111110e", "V": "11111111110a04", "W": "1111111515150a", "X": "11110a040a1111", "Y": "11110a04040404",
    "Z": "1f01020408101f", "0": "0e11131519110e", "1": "040c040404040e", "2": "0e11010204081f", "3": "1f02040201110e",
    "4": "02060a121f0202", "5": "1f101e0101110e", "6": "0608101e11110e", "7": "1f010204080808", "8": "0e11110e11110e",
    "9": "0e11110f01020c", ".": "0000000000000c", ":": "000c0c000c0c00", "/": "01020204080810", "-": "0000001f000000",
    "_": "0000000000001f", "'": "0c0c0800000000", "?": "0e110102040004", "%": "18190204081303", "°": "060909060000",
}  # fmt: skip
"""Rows of a font of 5 × 7 dots, one byte each in hexadecimal digits."""
_DOTS_WIDE, _DOTS_HIGH = 6, 8
_UNKNOWN = "1f11111111111f"


@dataclass(frozen=True)
class Box:
    """A filled rectangle with a text in it."""

    bounds: tuple[int, int, int, int]
    """Left, top, right and bottom in pixels."""
    fill: Colour
    text: str = ""
    ink: Colour = (255, 255, 255)


class Picture:
    """A picture of RGB pixels."""

    def __init__(self, width: int, height: int, background: Colour) -> None:
        self.width, self.height = width, height
        self._pixels = bytearray(bytes(background) * (width * height))

    def add(self, box: Box) -> None:
        """Draw a box, as far as it lies in the picture."""
        left, top, right, bottom = box.bounds
        self._fill(left, top, right, bottom, box.fill)
        dot = max(1, min((right - left) // max(1, _DOTS_WIDE * len(box.text)), (bottom - top) // (2 * _DOTS_HIGH), 8))
        wide = len(box.text) * _DOTS_WIDE * dot
        x, y = left + (right - left - wide) // 2, top + (bottom - top - _DOTS_HIGH * dot) // 2
        for number, letter in enumerate(box.text):
            self._write(x + number * _DOTS_WIDE * dot, y, letter.upper(), dot, box.ink)

    def png(self) -> bytes:
        """The picture as a PNG file."""
        stride = self.width * 3
        rows = b"".join(b"\0" + self._pixels[at : at + stride] for at in range(0, len(self._pixels), stride))
        head = struct.pack(">IIBBBBB", self.width, self.height, 8, 2, 0, 0, 0)
        chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)

    def rgba(self) -> bytes:
        """The pixels with four bytes each, as `screencap` without options writes them."""
        count = self.width * self.height
        out = bytearray(b"\xff") * (4 * count)
        for channel in range(3):
            out[channel::4] = self._pixels[channel::3]
        return bytes(out)

    def _write(self, x: int, y: int, letter: str, dot: int, ink: Colour) -> None:
        if letter == " ":
            return
        for row, bits in enumerate(bytes.fromhex(_GLYPHS.get(letter, _UNKNOWN))):
            for column in range(5):
                if bits >> (4 - column) & 1:
                    left, top = x + column * dot, y + row * dot
                    self._fill(left, top, left + dot, top + dot, ink)

    def _fill(self, left: int, top: int, right: int, bottom: int, colour: Colour) -> None:
        left, right = max(0, left), min(self.width, right)
        line = bytes(colour) * max(0, right - left)
        for y in range(max(0, top), min(self.height, bottom)):
            at = (y * self.width + left) * 3
            self._pixels[at : at + len(line)] = line


def draw(width: int, height: int, boxes: Sequence[Box], background: Colour = (24, 26, 30)) -> Picture:
    """Draw boxes, the first at the back."""
    picture = Picture(width, height, background)
    for box in boxes:
        picture.add(box)
    return picture


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
