"""`screenrecord`, which fails as on a phone that has no encoder for video."""

from __future__ import annotations

from collections.abc import Sequence

from mobilebench.virtual.android.device import CommandOutput, Device
from mobilebench.virtual.android.screens import turned

_TAKE_A_VALUE = {"--size", "--bit-rate", "--time-limit", "--display-id", "--codec-name", "--orientation"}
_NO_ENCODER = "ERROR: unable to create video/avc codec instance\n"
_LONG_SIDE, _SHORT_SIDE = 1280, 720
"""Size with which it tries again, if none was asked for."""


async def screenrecord(device: Device, arguments: Sequence[str]) -> CommandOutput:
    """`screenrecord [--size WIDTHxHEIGHT] … FILE`."""
    words = list(arguments)
    if "--help" in words:
        return CommandOutput(stderr=_USAGE)
    has_size, files = False, []
    while words:
        word = words.pop(0)
        name, equals, _ = word.partition("=")
        has_size |= name == "--size"
        if name in _TAKE_A_VALUE and not equals:
            del words[:1]
        elif not word.startswith("-"):
            files.append(word)
    if len(files) != 1:
        return CommandOutput(stderr="Must specify output file (see --help).\n", code=2)
    screen = turned(device.state)
    upright = screen.width < screen.height
    again = (_SHORT_SIDE, _LONG_SIDE) if upright else (_LONG_SIDE, _SHORT_SIDE)
    if has_size or again == (screen.width, screen.height):
        return CommandOutput(stderr=_NO_ENCODER, code=1)
    warning = f"WARNING: failed at {screen.width}x{screen.height}, retrying at {again[0]}x{again[1]}\n"
    return CommandOutput(stderr=f"{_NO_ENCODER}{warning}{_NO_ENCODER}", code=1)


_USAGE = "Usage: screenrecord [options] <filename>\n"
