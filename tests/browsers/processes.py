"""Programs that stand in for browsers, and the processes of real ones."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path


def program(folder: Path, script: str, name: str = "chrome") -> Path:
    """An executable shell script."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def processes_with(text: str) -> list[int]:
    """Processes whose command line holds `text`, without zombies."""
    return [pid for pid, words in command_lines().items() if any(text in word for word in words)]


def command_lines() -> dict[int, list[str]]:
    """Process id to the words of its command line, of every process but this one."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and int(folder.name) != os.getpid():
            try:
                found[int(folder.name)] = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
    return found


def group(leader: int) -> dict[int, list[str]]:
    """The command lines of a process group."""
    found = {}
    for pid, words in command_lines().items():
        try:
            if os.getpgid(pid) == leader:
                found[pid] = words
        except OSError:
            continue
    return found


def pages_in(leader: int) -> list[int]:
    """The processes that compute pages, of the browser whose group this is."""
    return [
        pid
        for pid, words in group(leader).items()
        if "--type=renderer" in (line := " ".join(words)) or ("-isForBrowser" in line and line.strip().endswith(" tab"))
    ]


def kill_pages(leader: int) -> list[int]:
    """End the processes that compute pages, of the browser whose group this is, as the kernel does without memory."""
    pages = pages_in(leader)
    for pid in pages:
        os.kill(pid, signal.SIGKILL)
    return pages


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Look every 20 ms."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
