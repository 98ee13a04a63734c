"""The file from which Chrome and Chromium read their flags on a phone.

One file serves every Chrome there is on the phone; each reads it when it starts, if it is the app for debugging.
WebView reads another one, and on phones that are sold none; whatever else is built on Chromium may read any or none.
"""

from __future__ import annotations

from collections.abc import Sequence

from mobilebench.browsers.chrome import AWAKE
from mobilebench.core.errors import BadInput

FLAGS_FILE = "/data/local/tmp/chrome-command-line"
ALWAYS = ("--disable-fre", "--no-first-run", "--no-default-browser-check", "--disable-sync", *AWAKE)
"""No questions, and a page that is never slowed down."""

_LARGEST = 90_000
"""Bytes; Chromium ignores a file of more than 96 KiB."""


def checked(flags: Sequence[str]) -> tuple[str, ...]:
    """Flags that the file can hold.

    Raises:
        BadInput: one is no flag, or could be taken for something else where it is read.
    """
    for flag in flags:
        if not flag.startswith("--") or not flag.isprintable() or any(letter in "\"'\\" for letter in flag):
            raise BadInput(f"“{flag}” cannot be written into Chrome's command-line file on a phone.")
    if len(content(flags)) > _LARGEST:
        raise BadInput("There are more flags than Chrome's command-line file can hold on a phone.")
    return tuple(flags)


def content(flags: Sequence[str]) -> bytes:
    """The file: a word that is ignored, and the flags, those with blanks in quotes."""
    words = (f'"{flag}"' if " " in flag else flag for flag in flags)
    return f"_ {' '.join(words)}\n".encode()
