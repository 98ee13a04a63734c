"""Browsers of this computer that virtual phones use as their own."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from mobilebench.virtual.config import Program

_CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FIREFOXES = ("firefox", "firefox-esr")


@cache
def chromium() -> Program | None:
    """The first working Chromium on PATH, except snaps, which cannot run in a phone's sandbox."""
    return _first(_CHROMIUMS)


@cache
def firefox() -> Program | None:
    """The first working Firefox on PATH, except snaps."""
    return _first(_FIREFOXES)


def _first(names: tuple[str, ...]) -> Program | None:
    for name in names:
        binary = shutil.which(name)
        if binary is not None and not _is_snap(Path(binary)) and (version := _version(binary)):
            return Program(binary, version)
    return None


def _is_snap(binary: Path) -> bool:
    target = binary.resolve()
    return target.name == "snap" or "snap" in target.parts or b"/snap/bin/" in _beginning(target)


def _beginning(file: Path) -> bytes:
    with file.open("rb") as content:
        return content.read(4096)


def _version(binary: str) -> str | None:
    try:
        told = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=30, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\d+(?:\.\d+)+", told)
    return found[0] if found else None
