"""Small sets of frames for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from mobilebench.reuse.frames import Box, Frame, FrameSet, Truth, checked


def image(path: Path, size: tuple[int, int] = (40, 30)) -> Path:
    """Write a small image; the ending chooses PNG or JPEG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (200, 10, 10)).save(path)
    return path


def folder(path: Path, frames: Sequence[str], truth: Sequence[str] | None, images: Sequence[str] = ()) -> Path:
    """A folder with the rows of both tables below their headers; the images of the frames are made by default."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "frames.csv").write_text("\n".join(["clip,time_ms,image", *frames]) + "\n")
    if truth is not None:
        (path / "truth.csv").write_text("\n".join(["image,label,left,top,right,bottom", *truth]) + "\n")
    for name in images or [row.split(",")[-1] for row in frames]:
        image(path / name)
    return path


def moving(clips: int = 2, frames: int = 60, fps: float = 30) -> FrameSet:
    """Clips in which one box moves a pixel a frame and the class changes twice a second."""
    every: list[Frame] = []
    truth = {}
    for clip in range(clips):
        for number in range(frames):
            name = f"{clip}/{number}.png"
            every.append(Frame(clip=str(clip), time_ms=1000 * number / fps, image=name))
            label = "ab"[int(2 * number / fps) % 2]
            box = Box(label=label, left=number, top=10, right=number + 10, bottom=20)
            truth[name] = Truth(label=label, boxes=(box,))
    return checked(FrameSet("moving", tuple(every), truth, "Made for tests."))
