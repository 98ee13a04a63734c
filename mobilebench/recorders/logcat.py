"""An excerpt of a phone's log, read when a block has failed."""

from __future__ import annotations

import re

from mobilebench.core.errors import MobilebenchError
from mobilebench.recorders.base import Observable

COMMAND = (
    *("logcat", "-d", "-v", "threadtime", "-b", "main,system,crash", "-t", "1000"),
    *("*:W", "ActivityManager:I", "lowmemorykiller:I", "lmkd:I", "DEBUG:V"),
)
"""Warnings and errors, and what tells of processes that were ended."""
MOST_LINES = 200
LONGEST_LINE = 500
_SECONDS = 5.0
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


def excerpt(target: Observable) -> tuple[tuple[str, ...], str | None]:
    """The last lines of the phone's log, or none and the reason as a clause."""
    try:
        answer = target.observe(COMMAND, timeout=_SECONDS)
    except MobilebenchError as error:
        return (), error.message.rstrip(".")
    lines = parse(answer.stdout.decode(errors="replace"))
    if lines:
        return lines, None
    words = _CONTROL.sub(" ", answer.stderr.decode(errors="replace")).strip()[:200]
    return (), f"`logcat` printed nothing{f' ({words})' if words else ''}"


def parse(text: str) -> tuple[str, ...]:
    """The last lines, shortened and without control characters, with logcat's headings of buffers."""
    lines = [_CONTROL.sub(" ", line).rstrip()[:LONGEST_LINE] for line in text.split("\n")]
    return tuple([line for line in lines if line][-MOST_LINES:])
