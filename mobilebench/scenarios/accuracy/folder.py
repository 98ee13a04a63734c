"""The layout of a set of frames in a folder: `frames.csv`, `truth.csv` and images.

`frames.csv` has the columns `clip,time_ms,image`. `truth.csv` has `image,label,left,top,right,bottom`:

- a label without a box is the class of the whole image,
- a label with a box is an object in it,
- a row with nothing but the image says that nothing is there.

An image without a row has no truth: it is shown, and does not count.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mobilebench.core import atomic_files
from mobilebench.core.errors import BadInput
from mobilebench.reuse.frames import (
    MOST_BOXES,
    SIDES,
    BadFrames,
    Box,
    Frame,
    FrameSet,
    Truth,
    check_frames,
    checked,
)
from mobilebench.scenarios.accuracy import files

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FRAMES = "frames.csv"
TRUTH = "truth.csv"
_FRAME_COLUMNS = ("clip", "time_ms", "image")
TRUTH_COLUMNS = ("image", "label", *SIDES)
_SLACK = 0.5
"""Pixels by which a box may reach out of its image, since coordinates are often rounded."""


def load(folder: Path) -> FrameSet:
    """The set in this folder.

    Raises:
        BadFrames: it cannot be used; `problem` names why.
    """
    table = folder / FRAMES
    frames = tuple(files.record(Frame, row, table, line) for line, row in files.rows(table, _FRAME_COLUMNS))
    if not (folder / TRUTH).is_file():
        raise BadFrames("no truth", f"{folder} has no {TRUTH}.", hint=f"Its columns are {', '.join(TRUTH_COLUMNS)}.")
    untold = FrameSet(folder.resolve().name, frames, {}, f"Frames in {folder.name}.", folder)
    check_frames(untold)
    sizes = {frame.image: files.image_size(files.image_path(folder, frame.image)) for frame in frames}
    return checked(replace(untold, truth=read_truth(folder / TRUTH, sizes)))


def read_truth(table: Path, sizes: dict[str, tuple[int, int]]) -> dict[str, Truth]:
    """What `truth.csv` says of each image. `sizes` are the images' widths and heights. Raises `BadFrames`."""
    labels: dict[str, str] = {}
    boxes: dict[str, list[Box]] = {}
    empty: dict[str, int] = {}
    for line, row in files.rows(table, TRUTH_COLUMNS):
        image, sides = row["image"], [row[side] for side in SIDES]
        if image not in sizes:
            raise files.broken("unknown image", table, line, f"the image {image!r} is no frame")
        if all(sides):
            box = files.record(Box, {key: value for key, value in row.items() if key != "image"}, table, line)
            boxes.setdefault(image, []).append(within(box, sizes[image], table, line))
            if len(boxes[image]) > MOST_BOXES:
                raise files.broken("too large", table, line, f"{image} has more than {MOST_BOXES} boxes")
        elif any(sides):
            raise files.broken("bad row", table, line, "a box needs all four sides")
        elif not row["label"]:
            empty[image] = line
        elif labels.setdefault(image, row["label"]) != row["label"]:
            raise files.broken("contradiction", table, line, f"{image} already has the class {labels[image]!r}")
    for image, line in empty.items():
        if image in boxes:
            raise files.broken("contradiction", table, line, f"nothing is in {image}, but it has a box")
        boxes[image] = []
    return {
        image: Truth(label=labels.get(image), boxes=tuple(boxes[image]) if image in boxes else None)
        for image in dict.fromkeys([*labels, *boxes])
    }


def within(box: Box, size: tuple[int, int], table: Path, line: int) -> Box:
    """The box, cut at the edges of its image. Raises `BadFrames` if it reaches far out of it."""
    width, height = size
    if min(box.left, box.top) < -_SLACK or box.right > width + _SLACK or box.bottom > height + _SLACK:
        raise files.broken("bad box", table, line, f"the box reaches out of its image of {width} x {height} pixels")
    cut = (max(box.left, 0.0), max(box.top, 0.0), min(box.right, width), min(box.bottom, height))
    return box.model_copy(update=dict(zip(SIDES, cut, strict=True)))


def write(frames: FrameSet, images: dict[str, NDArray[np.uint8]], folder: Path) -> None:
    """Write a set into a new or empty folder.

    Raises:
        BadInput: the folder has something in it, or cannot be written.
    """
    from PIL import Image

    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise BadInput(f"{folder} exists and is not an empty folder.", hint="Name a new folder.")
        for frame in frames.frames:
            path = folder / frame.image
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(images[frame.image]).save(path, format="PNG")
        _write_table(folder / FRAMES, _FRAME_COLUMNS, [[f.clip, repr(f.time_ms), f.image] for f in frames.frames])
        truth = [row for image, one in frames.truth.items() for row in _truth_rows(image, one)]
        _write_table(folder / TRUTH, TRUTH_COLUMNS, truth)
    except OSError as error:
        raise BadInput(
            f"{folder} could not be written: {error.strerror or error}.", hint="Name another one."
        ) from error


def _truth_rows(image: str, truth: Truth) -> list[list[str]]:
    rows = [[image, truth.label, "", "", "", ""]] if truth.label is not None else []
    if truth.boxes is not None:
        rows += [[image, box.label, *(repr(getattr(box, side)) for side in SIDES)] for box in truth.boxes]
        if not truth.boxes:
            rows.append([image, "", "", "", "", ""])
    return rows


def _write_table(path: Path, columns: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    import io

    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(lines)
    atomic_files.write_text(path, text.getvalue())
