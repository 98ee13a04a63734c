"""Opens a set of frames: the generated one, or a folder in one of the known layouts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from mobilebench.core import paths
from mobilebench.reuse.frames import BadFrames, FrameSet
from mobilebench.scenarios.accuracy import folder, youtube

Layout = Literal["frames", "youtube-bb", "youtube-faces"]
LAYOUTS: Mapping[Layout, Callable[[Path], FrameSet]] = {
    "frames": folder.load,
    "youtube-bb": youtube.bounding_boxes,
    "youtube-faces": youtube.faces,
}


def load(path: Path, layout: Layout | None = None) -> FrameSet:
    """The set in a folder; without a layout, it is recognised.

    Raises:
        BadFrames: it cannot be used; `problem` names why.
    """
    place = paths.expanded(path)
    try:
        found = place.is_dir()
    except (OSError, ValueError):  # a name that the system refuses
        found = False
    if not found:
        raise BadFrames(
            "no such folder", f"There is no folder {path}.", hint="Name a folder with frames.csv, or `shapes`."
        )
    return LAYOUTS[layout or layout_of(place)](place)


def layout_of(place: Path) -> Layout:
    """The layout of a folder. Raises `BadFrames` if it is none of the known ones."""
    if (place / folder.FRAMES).is_file():
        return "frames"
    if (place / youtube.FACES).is_dir() or any(place.glob("*.labeled_faces.txt")):
        return "youtube-faces"
    if (place / youtube.FRAMES).is_dir():
        return "youtube-bb"
    raise BadFrames(
        "unknown layout",
        f"{place} has neither {folder.FRAMES} nor the folders of a known data set.",
        hint=f"Known layouts are {', '.join(LAYOUTS)}; docs/quality.md describes them.",
    )
