"""This computer: its identity (targets on it take turns) and its CPU's name."""

from __future__ import annotations

import hashlib
import platform
from pathlib import Path


def machine_id() -> str:
    """Twelve hex digits that are stable on this computer and reveal nothing about it."""
    for file in (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id")):
        if file.is_file() and (text := file.read_text().strip()):
            return hashlib.sha256(text.encode()).hexdigest()[:12]
    return hashlib.sha256(platform.node().encode()).hexdigest()[:12]


def cpu_name() -> str:
    """The CPU's name in Linux, such as `Intel(R) Xeon(R) Processor`; else the architecture."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() in {"model name", "Model"} and value.strip():
            return value.strip()
    return platform.machine()
