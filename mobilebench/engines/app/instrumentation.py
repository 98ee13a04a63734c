"""Reads what `am instrument -w -r` prints: only its known lines, cut to limits, because a phone wrote them."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LARGEST = 1 << 20
_LINE = re.compile(r"^INSTRUMENTATION_(STATUS|RESULT): ([A-Za-z][A-Za-z0-9_.]{0,60})=(.{0,500})", re.MULTILINE)
_CODE = re.compile(r"^INSTRUMENTATION_CODE: (-?\d{1,6})\s*$", re.MULTILINE)
_FAILED = re.compile(r"^INSTRUMENTATION_(?:FAILED|ABORTED): (.{1,300})", re.MULTILINE)
_EXIT = re.compile(r"\d{1,3}")
_HANGS = ("keyDispatchingTimedOut", "Application Not Responding", "ANR")
FINISHED = -1
"""The code of an instrumentation that ended by itself (`Activity.RESULT_OK`)."""


@dataclass(frozen=True)
class Ended:
    """How an instrumentation ended."""

    code: int | None
    """None: it printed none, so it was ended before."""
    exit_code: int | None
    """The runner's exit code, where the app reported it."""
    stages: tuple[str, ...]
    """The stages that it reported, in order."""
    said: str | None
    """What Android or the app says of a failure, as one line; None if nothing."""
    is_hang: bool = False
    """Whether Android ended it because it did not respond."""

    @property
    def is_unknown(self) -> bool:
        """Whether the phone has no such instrumentation."""
        return self.said is not None and "Unable to find instrumentation" in self.said

    @property
    def is_denied(self) -> bool:
        """Whether Android does not let adb start it."""
        return self.said is not None and "Permission Denial" in self.said


def parse(stdout: bytes, stderr: bytes = b"") -> Ended:
    """How it ended, by its output."""
    text = stdout[:_LARGEST].decode(errors="replace").replace("\r\n", "\n")
    results: dict[str, str] = {}
    stages: list[str] = []
    error: str | None = None
    for kind, name, value in _LINE.findall(text):
        if kind == "RESULT":
            results.setdefault(name, value.strip())
        elif name == "stage":
            stages.append(value.strip()[:40])
        elif name == "Error":
            error = error or value.strip()
    codes, failed = _CODE.findall(text), _FAILED.search(text)
    exit_code = results.get("exit", "")
    words = error or results.get("longMsg") or results.get("shortMsg") or results.get("error")
    words = words or (failed[1].strip() if failed else None) or _denied(stderr)
    return Ended(
        code=int(codes[-1]) if codes else None,
        exit_code=int(exit_code) if _EXIT.fullmatch(exit_code) else None,
        stages=tuple(stages[-20:]),
        is_hang=results.get("shortMsg", "") in _HANGS,
        said="".join(character if character.isprintable() else "?" for character in words) if words else None,
    )


def _denied(stderr: bytes) -> str | None:
    lines = stderr[:4096].decode(errors="replace").splitlines()
    return next((line.strip()[:300] for line in lines if "Permission Denial" in line or "Exception" in line), None)
