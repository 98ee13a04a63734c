"""Our own clips, which ffmpeg makes when mobilebench is built."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from mobilebench.core import paths
from mobilebench.core.errors import Unsupported

_BUILD = "Run `make clip` (on Debian it installs ffmpeg)"
_OF = {"clip.webm": "of the video scenario", "camera.mjpeg": "for the camera of the call scenario"}
_HINTS = {"clip.webm": f"{_BUILD}, or name a clip of your own: `mobilebench scenario clip.webm`."}


def built_clip(name: Literal["clip.webm", "camera.mjpeg"]) -> Path:
    """10 s of VP9, or for Chrome's camera 1 s of Motion JPEG, with 30 frames a second.

    Raises:
        Unsupported: it was not built.
    """
    clip = paths.PACKAGE / "assets" / "clip" / name
    if not clip.is_file():
        raise Unsupported(
            f"The clip {_OF[name]} was not built: that needs ffmpeg.", hint=_HINTS.get(name, f"{_BUILD}.")
        )
    return clip
