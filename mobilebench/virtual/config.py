"""What stays the same on a virtual phone while it runs: made from the profile outside, read inside.

Only the standard library is imported here: this also runs inside the phone.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cluster:
    """CPU cores that share a clock."""

    first: int
    """Number of its first CPU."""
    count: int
    max_khz: int
    min_khz: int


@dataclass(frozen=True)
class Program:
    """A browser of this computer that is one of the phone's."""

    binary: str
    version: str


@dataclass(frozen=True)
class PhoneConfig:
    """A virtual phone as its daemon is told to be it."""

    name: str
    properties: Mapping[str, str]
    clusters: tuple[Cluster, ...]
    gpu: str
    chromium: Program | None
    """The phone's Chrome."""
    firefox: Program | None
    address: str
    """The phone's own loopback address."""
    prefix: str
    """Folder on this computer that stands for `/`; empty inside a sandbox, where `/` is the phone's."""
    abstract_prefix: str
    """Before every abstract socket's name; empty where the phone has a network of its own."""
    data_bytes: int | None
    """Size of the phone's storage, where it is limited."""

    @property
    def api(self) -> int:
        """Android's API level."""
        return int(self.properties["ro.build.version.sdk"])

    def path(self, text: str) -> str:
        """Where a path of the phone is for this process."""
        own = any(text == folder or text.startswith(f"{folder}/") for folder in PHONE_FOLDERS)
        return f"{self.prefix}{text}" if own else text


PHONE_FOLDERS = ("/data", "/sdcard", "/sys", "/system", "/metadata")
"""Folders that are the phone's own; everything else is this computer's."""
METADATA = "/metadata/mobilebench"
"""Folder on the phone with its configuration and state."""


def write(config: PhoneConfig, folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps(dataclasses.asdict(config), indent=1), encoding="utf-8")


def read(folder: Path) -> PhoneConfig:
    data = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    data["clusters"] = tuple(Cluster(**cluster) for cluster in data["clusters"])
    for name in ("chromium", "firefox"):
        data[name] = Program(**data[name]) if data[name] else None
    return PhoneConfig(**data)
