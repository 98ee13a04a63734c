"""`screencap`: a picture of the display."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

from mobilebench.virtual.android.device import CommandOutput, Device
from mobilebench.virtual.android.pictures import Box, Picture, draw
from mobilebench.virtual.android.screens import DISPLAY_ID, turned, views

_RGBA_8888 = 1
COLOURS_SINCE = 28
"""API level from which the raw picture's head has a colour space."""
_UNKNOWN_COLOURS = 0
_BLACK = (0, 0, 0)
_BAR = (16, 17, 20)
_FILLS = {"Button": (38, 92, 168), "EditText": (60, 62, 70), "WebView": (236, 238, 240), "TextView": (44, 48, 58)}


async def screencap(device: Device, arguments: Sequence[str]) -> CommandOutput:
    """`screencap [-p] [-d DISPLAY] [FILE]`: PNG, or raw pixels with a head of sizes and format."""
    words, as_png = list(arguments), False
    files: list[str] = []
    while words:
        word = words.pop(0)
        if word == "-p":
            as_png = True
        elif word == "-d":
            if not words or words.pop(0) not in {DISPLAY_ID, "0"}:
                return CommandOutput(stderr="Display Id is not valid.\n", code=1)
        elif word.startswith("-") and word != "-":
            return CommandOutput(stderr=_USAGE, code=0 if word == "-h" else 1)
        else:
            files.append(word)
    picture = take(device)
    data = picture.png() if as_png or (files[:1] and files[0].endswith(".png")) else _raw(picture, device.api)
    if not files or files[0] == "-":
        return CommandOutput(data.decode("utf-8", "surrogateescape"))
    try:
        Path(device.config.path(files[0])).write_bytes(data)
    except OSError as error:
        return CommandOutput(stderr=f"Error opening file: {files[0]} ({error.strerror})\n", code=1)
    return CommandOutput()


_USAGE = "usage: screencap [-hp] [-d display-id] [FILENAME]\n   -h: this message\n   -p: save the file as a png.\n"


def take(device: Device) -> Picture:
    """A picture of what is on the display now; black if the screen is off."""
    screen = turned(device.state)
    if not device.state.screen.on:
        return draw(screen.width, screen.height, [], _BLACK)
    bar = Box((0, 0, screen.width, screen.height // 30), _BAR, f"VIRTUAL {device.state.battery.level}%")
    boxes = [bar]
    for view in views(device):
        kind = view.kind.rpartition(".")[2]
        text = view.text or (device.front if kind in {"WebView", "View"} else "")
        ink = (20, 20, 20) if kind == "WebView" else (255, 255, 255)
        boxes.append(Box(view.bounds, _FILLS.get(kind, (52, 56, 66)), text[:80], ink))
    return draw(screen.width, screen.height, boxes)


def _raw(picture: Picture, api: int) -> bytes:
    head = [picture.width, picture.height, _RGBA_8888]
    if api >= COLOURS_SINCE:
        head.append(_UNKNOWN_COLOURS)
    return struct.pack(f"<{len(head)}I", *head) + picture.rgba()
