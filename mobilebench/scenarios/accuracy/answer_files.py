"""Files of a model's answers to each frame of a set.

A file of answers is a CSV with the columns `image,label,score,left,top,right,bottom`:

- a label without a box is the model's class for the whole image; of several, the one with the highest score counts,
- a label with a box is an object that it found,
- a row with nothing but the image says that it found nothing.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from mobilebench.core.records import Record
from mobilebench.reuse.answers import Answer, Found
from mobilebench.reuse.frames import SIDES, BadFrames, FrameSet, Name
from mobilebench.scenarios.accuracy import files
from mobilebench.scenarios.accuracy.folder import TRUTH_COLUMNS

COLUMNS = ("image", "label", "score", *SIDES)
assert set(TRUTH_COLUMNS) < set(COLUMNS)


class Class(Record):
    """A class that a model gave to a whole image."""

    label: Name
    score: float = Field(default=1.0, ge=0, le=1, allow_inf_nan=False)


def read(path: Path, frames: FrameSet) -> dict[str, Answer]:
    """The answers in a file, one for each frame of the set.

    Raises:
        BadFrames: the file cannot be used, or a frame has no answer.
    """
    images = {frame.image for frame in frames.frames}
    classes: dict[str, Class] = {}
    boxes: dict[str, list[Found]] = {image: [] for image in images}
    answered: set[str] = set()
    for line, row in files.rows(path, COLUMNS):
        image, sides = row.pop("image"), [row[side] for side in SIDES]
        if image not in images:
            raise files.broken("unknown image", path, line, f"the image {image!r} is no frame")
        answered.add(image)
        given = {key: value for key, value in row.items() if value}
        if all(sides):
            boxes[image].append(files.record(Found, given, path, line))
        elif any(sides):
            raise files.broken("bad row", path, line, "a box needs all four sides")
        elif given:
            one = files.record(Class, given, path, line)
            if image not in classes or one.score > classes[image].score:
                classes[image] = one
    if missing := next((frame.image for frame in frames.frames if frame.image not in answered), None):
        raise BadFrames(
            "missing answer",
            f"{path} has no answer to the frame {missing}.",
            hint="Each frame needs a row; one with nothing but the image says that nothing was found.",
        )
    return {
        image: Answer(label=classes[image].label if image in classes else None, boxes=tuple(boxes[image]))
        for image in images
    }
