"""Fixed configuration of a virtual phone: written from the profile outside the sandbox, and read inside.

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
    """Index of its first CPU."""
    count: int
    max_khz: int
    min_khz: int


@dataclass(frozen=True)
class Program:
    """A browser of this computer that the phone uses as its own."""

    binary: str
    version: str


@dataclass(frozen=True)
class PhoneConfig:
    """Configuration with which a phone's daemon is started."""

    name: str
    properties: Mapping[str, str]
    clusters: tuple[Cluster, ...]
    gpu: str
    chromium: Program | None
    """The phone's Chrome."""
    firefox: Program | None
    address: str
    """The phone's loopback address."""
    wlan_address: str
    """The address of this computer on which adb reaches it after `adb tcpip`, shown as that of `wlan0`."""
    prefix: str
    """Folder on this computer used as the phone's `/`; empty in a sandbox, where `/` itself is the phone's."""
    abstract_prefix: str
    """Prefix of every abstract socket's name; empty if the phone has its own network namespace."""
    data_bytes: int | None
    """Size of the phone's storage, if it is limited."""

    @property
    def api(self) -> int:
        """Android's API level."""
        return int(self.properties["ro.build.version.sdk"])

    def path(self, text: str) -> str:
        """Convert a path on the phone to one of this process."""
        is_on_phone = any(text == folder or text.startswith(f"{folder}/") for folder in PHONE_FOLDERS)
        return f"{self.prefix}{text}" if is_on_phone else text


PHONE_FOLDERS = ("/data", "/sdcard", "/sys", "/system", "/metadata")
"""Folders that belong to the phone; all others are this computer's."""
METADATA = "/metadata/mobilebench"
"""Folder on the phone that holds its configuration and state."""


def write(config: PhoneConfig, folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps(dataclasses.asdict(config), indent=1), encoding="utf-8")


def read(folder: Path) -> PhoneConfig:
    data = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    data["clusters"] = tuple(Cluster(**cluster) for cluster in data["clusters"])
    for name in ("chromium", "firefox"):
        data[name] = Program(**data[name]) if data[name] else None
    return PhoneConfig(**data)
