"""The command-line file from which Chrome and Chromium read their flags on a phone.

All Chrome builds on the phone share one file; each reads it at start if it is set as the debug app.
WebView reads another file, and none on retail phones; other browsers built on Chromium may read any file or none.
"""

from __future__ import annotations

from collections.abc import Sequence

from mobilebench.browsers.chrome import AWAKE
from mobilebench.core.errors import BadInput

FLAGS_FILE = "/data/local/tmp/chrome-command-line"
ALWAYS = ("--disable-fre", "--no-first-run", "--no-default-browser-check", "--disable-sync", *AWAKE)
"""Flags against first-run questions and against throttling of the page."""

_LARGEST = 90_000
"""Limit in bytes; Chromium ignores a file larger than 96 KiB."""


def checked(flags: Sequence[str]) -> tuple[str, ...]:
    """Return the flags if the file can hold them all.

    Raises:
        BadInput: one is not a flag, or Chrome could parse it as something else.
    """
    for flag in flags:
        if not flag.startswith("--") or not flag.isprintable() or any(letter in "\"'\\" for letter in flag):
            raise BadInput(f"“{flag}” cannot be written into Chrome's command-line file on a phone.")
    if len(content(flags)) > _LARGEST:
        raise BadInput("There are more flags than Chrome's command-line file can hold on a phone.")
    return tuple(flags)


def content(flags: Sequence[str]) -> bytes:
    """Content of the file: one ignored word, then the flags; flags with blanks are quoted."""
    words = (f'"{flag}"' if " " in flag else flag for flag in flags)
    return f"_ {' '.join(words)}\n".encode()
