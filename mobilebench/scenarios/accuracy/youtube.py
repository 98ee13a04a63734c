"""Reads folders in the layouts of two public data sets of video frames. Neither set is shipped or downloaded.

YouTube-BoundingBoxes (E. Real et al., CVPR 2017): one CSV file without a header, whose columns are youtube_id,
timestamp_ms, class_id, class_name, object_id, object_presence, xmin, xmax, ymin, ymax, with sides as shares of the
image; files for classification have youtube_id, timestamp_ms, class_id, class_name, object_presence. The set has no
images: frames that were cut from the videos are expected in `frames/<youtube_id>/<timestamp_ms>.jpg` (or `.png`).
Frames between the annotated ones may lie there too: they are shown and do not count.

YouTube Faces (L. Wolf, T. Hassner, I. Maoz, CVPR 2011): `frame_images_DB/<person>/<video>/<n>.<k>.jpg`, and in
`frame_images_DB/<person>.labeled_faces.txt` lines `<person>\\<video>\\<n>.<k>.jpg,0,x,y,width,height,0,1` with the
centre of the face in pixels. `k` counts frames of the video, which were cut at 24 frames a second.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from mobilebench.core.records import Record
from mobilebench.reuse.frames import (
    LONGEST_CLIP_MS,
    MOST_BOXES,
    BadFrames,
    Box,
    Frame,
    FrameSet,
    Name,
    Pixels,
    Truth,
    check_count,
    checked,
)
from mobilebench.scenarios.accuracy import files
from mobilebench.scenarios.accuracy.folder import within

FACES = "frame_images_DB"
FACES_FPS = 24.0
FRAMES = "frames"
_CLASSIFICATION = ("youtube_id", "timestamp_ms", "class_id", "class_name", "object_presence")
_DETECTION = (*_CLASSIFICATION[:4], "object_id", "object_presence", "xmin", "xmax", "ymin", "ymax")
_LABELS = ".labeled_faces.txt"
_FACE_COLUMNS = ("image", "ignored_1", "x", "y", "width", "height", "ignored_2", "ignored_3")
_FACE_IMAGE = re.compile(r"(?P<person>[^/]+)/(?P<video>[^/]+)/\d+\.(?P<frame>\d{1,8})\.jpg")
_VIDEO = re.compile(r"[A-Za-z0-9_-]{1,64}")
_FRAME_IMAGE = re.compile(r"(\d{1,10})\.(?:jpg|jpeg|png)")


def _video(name: str) -> str:
    if not _VIDEO.fullmatch(name):
        raise ValueError("should be at most 64 letters, digits, `-` and `_`")
    return name


class _Annotation(Record):
    """A row of YouTube-BoundingBoxes."""

    youtube_id: Annotated[str, AfterValidator(_video)]
    timestamp_ms: int = Field(ge=0, le=int(LONGEST_CLIP_MS))
    class_id: int = Field(ge=0)
    class_name: Name
    object_id: int = Field(default=0, ge=0)
    object_presence: Literal["present", "absent", "uncertain"]
    xmin: float | None = Field(default=None, le=1.001, allow_inf_nan=False)
    xmax: float | None = Field(default=None, le=1.001, allow_inf_nan=False)
    ymin: float | None = Field(default=None, le=1.001, allow_inf_nan=False)
    ymax: float | None = Field(default=None, le=1.001, allow_inf_nan=False)

    def box(self, size: tuple[int, int], table: Path, line: int) -> Box | None:
        """The box in pixels of an image of this size; None in a file without boxes. Raises `BadFrames`."""
        sides = (self.xmin, self.ymin, self.xmax, self.ymax)
        if None in sides:
            return None
        shares = [side for side in sides if side is not None]
        scaled = [share * length for share, length in zip(shares, (*size, *size), strict=True)]
        names = ("left", "top", "right", "bottom")
        box = files.record(Box, {"label": self.class_name, **dict(zip(names, scaled, strict=True))}, table, line)
        return within(box, size, table, line)


@dataclass(frozen=True)
class _Row:
    line: int
    said: _Annotation


def bounding_boxes(folder: Path) -> FrameSet:
    """A folder in the style of YouTube-BoundingBoxes.

    An object that is `absent` is not there; one that is `uncertain` leaves the image without truth. The class of an
    image is that of its largest box, or without boxes that of its first row.

    Raises:
        BadFrames: it cannot be used; `problem` names why.
    """
    table = _only_table(folder)
    rows: dict[tuple[str, int], list[_Row]] = defaultdict(list)
    for line, said in _annotations(table):
        there = rows[said.youtube_id, said.timestamp_ms]
        if any((one.said.class_id, one.said.object_id) == (said.class_id, said.object_id) for one in there):
            text = f"object {said.object_id} of {said.youtube_id} is there twice at {said.timestamp_ms} ms"
            raise files.broken("contradiction", table, line, text)
        there.append(_Row(line, said))
        if len(there) > MOST_BOXES:
            raise files.broken("too large", table, line, f"{said.timestamp_ms} ms has more than {MOST_BOXES} objects")
    frames: list[Frame] = []
    truth: dict[str, Truth] = {}
    for clip in dict.fromkeys(clip for clip, _ in rows):
        images = _images_of(folder, clip)
        if absent := next((time for name, time in rows if name == clip and time not in images), None):
            text = f"{folder}: there is no frame of {clip} at {absent} ms."
            raise BadFrames("missing image", text, hint=f"It should be {FRAMES}/{clip}/{absent}.jpg.")
        for time, name in sorted(images.items()):
            image = f"{FRAMES}/{clip}/{name}"
            frames.append(Frame(clip=clip, time_ms=time, image=image))
            if (clip, time) in rows:
                size = files.image_size(files.image_path(folder, image))
                if known := _known(rows[clip, time], size, table):
                    truth[image] = known
            else:
                files.image_path(folder, image)
    source = f"YouTube-BoundingBoxes' layout, {table.name}."
    return checked(FrameSet(folder.resolve().name, tuple(frames), truth, source, folder))


def _only_table(folder: Path) -> Path:
    tables = sorted(folder.glob("*.csv"))
    if len(tables) != 1:
        found = ", ".join(one.name for one in tables[:5]) or "none"
        raise BadFrames(
            "unknown layout", f"{folder} should have one CSV file of annotations, and has {found}.", hint="Leave one."
        )
    return tables[0]


def _annotations(table: Path) -> Iterator[tuple[int, _Annotation]]:
    for line, fields in files.plain_rows(table):
        if fields[0] == "youtube_id":
            continue
        columns = {len(_DETECTION): _DETECTION, len(_CLASSIFICATION): _CLASSIFICATION}.get(len(fields))
        if columns is None:
            text = f"it has {len(fields)} fields, and should have {len(_DETECTION)} or {len(_CLASSIFICATION)}"
            raise files.broken("bad row", table, line, text)
        yield line, files.record(_Annotation, dict(zip(columns, fields, strict=True)), table, line)


def _images_of(folder: Path, clip: str) -> dict[int, str]:
    """Time in ms to the name of the image, of one video."""
    place = folder / FRAMES / clip
    found: dict[int, str] = {}
    for path in sorted(place.iterdir()) if place.is_dir() else ():
        match = _FRAME_IMAGE.fullmatch(path.name)
        if match is None:
            raise BadFrames(
                "unknown image",
                f"{path} is not named by its time.",
                hint="The name is <timestamp_ms>.jpg or .png.",
            )
        time = int(match[1])
        if time in found:
            raise BadFrames("duplicate time", f"{path} and {found[time]} are both at {time} ms.", hint="Leave one.")
        found[time] = path.name
        check_count(len(found), str(place))
    return found


def _known(rows: list[_Row], size: tuple[int, int], table: Path) -> Truth | None:
    """What the rows of one image say; None if something in them is uncertain."""
    if any(one.said.object_presence == "uncertain" for one in rows):
        return None
    present = [one for one in rows if one.said.object_presence == "present"]
    boxes = [box for one in present if (box := one.said.box(size, table, one.line))]
    if len(boxes) < len(present):
        return Truth(label=present[0].said.class_name)
    if not present:
        return Truth(boxes=())
    return Truth(label=max(boxes, key=lambda box: box.area).label, boxes=tuple(boxes))


class _Face(Record):
    """A line of `labeled_faces.txt`."""

    image: str
    ignored_1: str
    x: Pixels
    y: Pixels
    width: float = Field(gt=0, le=LONGEST_CLIP_MS, allow_inf_nan=False)
    height: float = Field(gt=0, le=LONGEST_CLIP_MS, allow_inf_nan=False)
    ignored_2: str
    ignored_3: str

    @field_validator("image")
    @classmethod
    def _slashes(cls, given: str) -> str:
        name = given.replace("\\", "/")
        if not _FACE_IMAGE.fullmatch(name):
            raise ValueError("should be person\\video\\number.frame.jpg")
        return name


def faces(folder: Path) -> FrameSet:
    """A folder in the style of YouTube Faces: `folder` holds `frame_images_DB`, or is it.

    A box that reaches out of its image is cut; the class of every box is `face`.

    Raises:
        BadFrames: it cannot be used; `problem` names why.
    """
    root = folder / FACES if (folder / FACES).is_dir() else folder
    tables = sorted(root.glob(f"*{_LABELS}"))
    if not tables:
        raise BadFrames("no truth", f"{root} has no file <person>{_LABELS}.", hint="It is part of the data set.")
    found: dict[str, list[tuple[int, Frame]]] = defaultdict(list)
    truth: dict[str, Truth] = {}
    for table in tables:
        person = table.name.removesuffix(_LABELS)
        for line, face in _faces(table):
            match = _FACE_IMAGE.fullmatch(face.image)
            assert match is not None  # the record checked it
            if match["person"] != person:
                raise files.broken("unknown image", table, line, f"{face.image} is of another person")
            number = int(match["frame"])
            clip = f"{person}/{match['video']}"
            size = files.image_size(files.image_path(root, face.image))
            frame = files.record(
                Frame, {"clip": clip, "time_ms": 1000 * number / FACES_FPS, "image": face.image}, table, line
            )
            found[clip].append((number, frame))
            check_count(len(truth), str(root))
            truth[face.image] = Truth(boxes=(_face_box(face, size, table, line),))
    frames = [frame for clip in found.values() for _, frame in sorted(clip, key=lambda one: one[0])]
    source = f"YouTube Faces' layout, at {FACES_FPS:g} frames a second."
    return checked(FrameSet(folder.resolve().name, tuple(frames), truth, source, root))


def _faces(table: Path) -> Iterator[tuple[int, _Face]]:
    for line, fields in files.plain_rows(table):
        if len(fields) != len(_FACE_COLUMNS):
            text = f"it has {len(fields)} fields, and should have {len(_FACE_COLUMNS)}"
            raise files.broken("bad row", table, line, text)
        yield line, files.record(_Face, dict(zip(_FACE_COLUMNS, fields, strict=True)), table, line)


def _face_box(face: _Face, size: tuple[int, int], table: Path, line: int) -> Box:
    width, height = size
    sides = {
        "left": max(face.x - face.width / 2, 0.0),
        "top": max(face.y - face.height / 2, 0.0),
        "right": min(face.x + face.width / 2, width),
        "bottom": min(face.y + face.height / 2, height),
    }
    if sides["left"] >= sides["right"] or sides["top"] >= sides["bottom"]:
        raise files.broken("bad box", table, line, "the face lies outside of its image")
    return Box(label="face", **sides)
