"""Where the CSV files of external meters are on this computer.

A plan travels with its run, so it holds a file's name and the SHA-256 of its whole path, and no path. The path is kept
in mobilebench's home folder, so that another process or a later `--resume` on the same computer finds the file.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from mobilebench.core import atomic_files, paths
from mobilebench.core.errors import BadInput
from mobilebench.core.records import EnergyWindow
from mobilebench.recorders.energy import meters


def named(text: str) -> tuple[str, str | None]:
    """A meter as a plan names it, and for a file the SHA-256 of its path, under which the path is kept.

    Raises:
        BadInput: it is not a name of a meter.
    """
    found = meters.address(text)
    if found.file is None:
        return text, None
    path = str(found.file.expanduser().absolute())
    sha256 = hashlib.sha256(path.encode(errors="surrogateescape")).hexdigest()
    folder = paths.home() / "meters"
    folder.mkdir(exist_ok=True)
    atomic_files.write_text(folder / sha256, path)
    return f"csv:{found.file.name}", sha256


def path_of(window: EnergyWindow) -> Path:
    """The file of a window's meter.

    Raises:
        BadInput: this computer does not know where it is.
    """
    name = (window.meter or "").removeprefix("csv:")
    try:
        return Path((paths.home() / "meters" / (window.meter_sha256 or "none")).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        raise BadInput(
            f"It is not known on this computer where the meter's file {name} is.",
            hint="The run was planned elsewhere, or by an older mobilebench: plan a new one with --meter csv:FILE.",
        ) from None
