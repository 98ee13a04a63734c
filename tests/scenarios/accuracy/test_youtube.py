"""Folders in the layouts of YouTube-BoundingBoxes and YouTube Faces; all of them are made up here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mobilebench.reuse.frames import BadFrames, Problem
from mobilebench.scenarios.accuracy import loading
from tests.pinning import Pinned
from tests.scenarios.accuracy import sets

ROWS = [
    "AAB6lO-XiKE,238000,0,person,0,present,0.25,0.5,0.1,0.9",
    "AAB6lO-XiKE,239000,0,person,0,present,0.25,0.75,0.1,0.9",
    "AAB6lO-XiKE,239000,4,dog,1,present,0.0,0.1,0.0,0.1",
    "AAB6lO-XiKE,240000,0,person,0,absent,-1.0,-1.0,-1.0,-1.0",
    "AAB6lO-XiKE,241000,0,person,0,uncertain,-1.0,-1.0,-1.0,-1.0",
]
IMAGES = ["AAB6lO-XiKE/238000.jpg", "AAB6lO-XiKE/238500.jpg", "AAB6lO-XiKE/239000.png"]
IMAGES += ["AAB6lO-XiKE/240000.jpg", "AAB6lO-XiKE/241000.jpg"]


def boxes(path: Path, rows: Sequence[str] = ROWS, images: Sequence[str] = IMAGES) -> Path:
    (path / "frames").mkdir(parents=True)
    (path / "yt_bb_detection.csv").write_text("\n".join(rows) + "\n")
    for name in images:
        sets.image(path / "frames" / name, (40, 30))
    return path


def test_bounding_boxes_are_read(tmp_path: Path) -> None:
    one = loading.load(boxes(tmp_path / "set"))
    assert [frame.time_ms for frame in one.frames] == [238000, 238500, 239000, 240000, 241000]
    assert list(one.clips) == ["AAB6lO-XiKE"]
    first, second = (one.truth[one.frames[place].image] for place in (0, 2))
    assert first.boxes is not None
    assert [(box.label, box.left, box.top, box.right, box.bottom) for box in first.boxes] == [("person", 10, 3, 20, 27)]
    assert (second.label, [box.label for box in second.boxes or ()]) == ("person", ["person", "dog"])
    assert one.truth[one.frames[3].image].boxes == ()
    assert set(one.truth) == {one.frames[place].image for place in (0, 2, 3)}
    assert [note.kind for note in one.notes] == ["frames without truth"]


def test_a_header_and_files_for_classification_are_read(tmp_path: Path) -> None:
    rows = [
        "youtube_id,timestamp_ms,class_id,class_name,object_presence",
        "abc,0,3,cat,present",
        "abc,1000,3,cat,absent",
    ]
    one = loading.load(boxes(tmp_path / "set", rows, ["abc/0.jpg", "abc/1000.jpg"]))
    assert [(one.truth[frame.image].label, one.truth[frame.image].boxes) for frame in one.frames] == [
        ("cat", None),
        (None, ()),
    ]


def with_rows(*rows: str, images: Sequence[str] = IMAGES) -> Callable[[Path], Path]:
    return lambda path: boxes(path, rows, images)


def two_tables(path: Path) -> Path:
    boxes(path)
    (path / "other.csv").write_text("")
    return path


def two_images(path: Path) -> Path:
    sets.image(boxes(path) / "frames/AAB6lO-XiKE/238000.png")
    return path


def other_name(path: Path) -> Path:
    sets.image(boxes(path) / "frames/AAB6lO-XiKE/first.jpg")
    return path


def link_out(path: Path) -> Path:
    (boxes(path) / "frames/AAB6lO-XiKE/238500.jpg").unlink()
    (path / "frames/AAB6lO-XiKE/238500.jpg").symlink_to(sets.image(path.parent / "secret.jpg"))
    return path


BAD_BOXES: dict[str, tuple[Problem, Callable[[Path], Path]]] = {
    "two tables": ("unknown layout", two_tables),
    "no row": ("no frames", with_rows()),
    "a short row": ("bad row", with_rows("abc,0,0,person")),
    "an id with a path": ("bad row", with_rows(ROWS[0].replace("AAB6lO-XiKE", "../AAB6lO"))),
    "a time that is no number": ("bad row", with_rows(ROWS[0].replace("238000", "soon"))),
    "a negative time": ("bad row", with_rows(ROWS[0].replace("238000", "-1"))),
    "another presence": ("bad row", with_rows(ROWS[0].replace("present", "maybe"))),
    "pixels for shares": ("bad row", with_rows(ROWS[0].replace("0.5", "320"))),
    "a box upside down": ("bad box", with_rows(ROWS[0].replace("0.25,0.5", "0.5,0.25"))),
    "a box of -1": ("bad box", with_rows(ROWS[0].replace("0.25,0.5,0.1,0.9", "-1,-0.9,-1,-0.9"))),
    "one object twice": ("contradiction", with_rows(ROWS[0], ROWS[0])),
    "a missing frame": ("missing image", with_rows(*ROWS, images=IMAGES[:3])),
    "no frames at all": ("missing image", with_rows(*ROWS, images=())),
    "two frames at one time": ("duplicate time", two_images),
    "a frame that is not named by its time": ("unknown image", other_name),
    "a link that leads out": ("outside the folder", link_out),
    "nothing present": ("no truth", with_rows(ROWS[3])),
}


@pytest.mark.parametrize("name", BAD_BOXES)
def test_unusable_bounding_boxes_have_a_name(name: str, tmp_path: Path, pinned: Pinned) -> None:
    problem, make = BAD_BOXES[name]
    with pytest.raises(BadFrames) as caught:
        loading.load(make(tmp_path / "set"))
    assert caught.value.problem == problem
    pinned(caught.value.message)


FACES = [
    "Ann_Example\\1\\1.482.jpg,0,20,15,10,12,0.0,1",
    "Ann_Example\\1\\1.480.jpg,0,18,15,10,12,0.0,1",
    "Ann_Example\\1\\1.481.jpg,0,38,15,10,12,0.0,1",
    "Ann_Example\\2\\2.9.jpg,0,20,15,10,12,0.0,1",
]


def people(path: Path, lines: Sequence[str] = FACES, images: bool = True) -> Path:
    root = path / "frame_images_DB"
    root.mkdir(parents=True)
    (root / "Ann_Example.labeled_faces.txt").write_text("\r\n".join(lines) + "\r\n")
    for line in lines if images else ():
        sets.image(root / line.split(",")[0].replace("\\", "/"), (40, 30))
    return path


def test_faces_are_read(tmp_path: Path) -> None:
    one = loading.load(people(tmp_path / "set"))
    assert {clip: [frame.time_ms for frame in frames] for clip, frames in one.clips.items()} == {
        "Ann_Example/1": [1000 * number / 24 for number in (480, 481, 482)],
        "Ann_Example/2": [375.0],
    }
    (box,) = one.truth["Ann_Example/1/1.480.jpg"].boxes or ()
    assert (box.label, box.left, box.top, box.right, box.bottom) == ("face", 13, 9, 23, 21)
    (cut,) = one.truth["Ann_Example/1/1.481.jpg"].boxes or ()
    assert cut.right == 40
    assert loading.load(tmp_path / "set" / "frame_images_DB").frames == one.frames


def with_lines(*lines: str, images: bool = True) -> Callable[[Path], Path]:
    return lambda path: people(path, lines, images)


def no_labels(path: Path) -> Path:
    (people(path) / "frame_images_DB/Ann_Example.labeled_faces.txt").unlink()
    return path


BAD_FACES: dict[str, tuple[Problem, Callable[[Path], Path]]] = {
    "no labels": ("no truth", no_labels),
    "an empty file": ("no frames", with_lines()),
    "a short line": ("bad row", with_lines("Ann_Example\\1\\1.1.jpg,0,20,15", images=False)),
    "a path upwards": ("bad row", with_lines("..\\..\\1.1.png,0,20,15,10,12,0.0,1", images=False)),
    "no frame number": ("bad row", with_lines("Ann_Example\\1\\face.jpg,0,20,15,10,12,0.0,1", images=False)),
    "another person": ("unknown image", with_lines("Bob\\1\\1.1.jpg,0,20,15,10,12,0.0,1", images=False)),
    "a missing image": ("missing image", with_lines(FACES[0], images=False)),
    "a frame twice": ("duplicate image", with_lines(FACES[0], FACES[0])),
    "a frame number twice": ("duplicate time", with_lines(FACES[0], FACES[0].replace("\\1.482", "\\2.482"))),
    "no width": ("bad row", with_lines(FACES[0].replace("10,12", "0,12"))),
    "a face outside": ("bad box", with_lines(FACES[0].replace("20,15", "200,15"))),
}


@pytest.mark.parametrize("name", BAD_FACES)
def test_unusable_faces_have_a_name(name: str, tmp_path: Path, pinned: Pinned) -> None:
    problem, make = BAD_FACES[name]
    with pytest.raises(BadFrames) as caught:
        loading.load(make(tmp_path / "set"))
    assert caught.value.problem == problem
    pinned(caught.value.message)


def test_a_person_called_upwards_stays_in_the_folder(tmp_path: Path) -> None:
    sets.image(tmp_path / "set" / "1" / "1.1.jpg")
    root = tmp_path / "set" / "frame_images_DB"
    root.mkdir()
    (root / "...labeled_faces.txt").write_text("..\\1\\1.1.jpg,0,20,15,10,12,0.0,1\n")
    with pytest.raises(BadFrames) as caught:
        loading.load(tmp_path / "set")
    assert caught.value.problem == "outside the folder"
