"""The layout of a set of frames, and what makes a set unusable."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mobilebench.core.errors import BadInput
from mobilebench.reuse import frames, shapes
from mobilebench.reuse.frames import BadFrames, Problem
from mobilebench.scenarios.accuracy import folder, loading
from tests.pinning import Pinned
from tests.scenarios.accuracy import sets

FRAMES = ["a,0,a/0.png", "a,33,a/1.png", "a,67,a/2.png", "b,0,b/0.png"]
LONG = f"a,0,{'x' * 290}.png"
TRUTH = ["a/0.png,dog,,,,", "a/0.png,dog,1,2,11,12", "a/1.png,,,,,", "b/0.png,cat,,,,"]


def test_a_set_is_read(tmp_path: Path) -> None:
    one = loading.load(sets.folder(tmp_path / "one", FRAMES, TRUTH))
    assert (one.name, list(one.clips), [len(clip) for clip in one.clips.values()]) == ("one", ["a", "b"], [3, 1])
    dog = one.truth["a/0.png"]
    assert dog.label == "dog"
    assert dog.boxes is not None
    assert (dog.boxes[0].left, dog.boxes[0].bottom, dog.boxes[0].area) == (1, 12, 100)
    assert one.truth["a/1.png"].boxes == ()
    assert one.truth["b/0.png"].boxes is None
    assert [note.kind for note in one.notes] == ["single frame", "frames without truth"]


def test_gaps_are_noted(tmp_path: Path, pinned: Pinned) -> None:
    rows = [f"a,{time},{time}.png" for time in (0, 33, 67, 100, 600, 633, 667, 1400)]
    one = loading.load(sets.folder(tmp_path, rows, ["0.png,dog,,,,"]))
    assert [note.kind for note in one.notes] == ["gap", "frames without truth"]
    for note in one.notes:
        pinned(note.text)


def test_clips_may_be_mixed_and_a_byte_order_mark_is_no_column(tmp_path: Path) -> None:
    place = sets.folder(tmp_path, ["a,0,0.png", "b,5,1.png", "a,10,2.png"], ["0.png,dog,,,,"])
    (place / "frames.csv").write_text("\ufeff" + (place / "frames.csv").read_text(), encoding="utf-8")
    assert [len(clip) for clip in loading.load(place).clips.values()] == [2, 1]


def broken(change: Callable[[Path], object]) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        place = sets.folder(path, FRAMES, TRUTH)
        change(place)
        return place

    return make


def with_frames(*rows: str, truth: tuple[str, ...] = ("0.png,dog,,,,",)) -> Callable[[Path], Path]:
    return lambda path: sets.folder(path, rows, truth)


def with_truth(*rows: str) -> Callable[[Path], Path]:
    return lambda path: sets.folder(path, FRAMES, rows)


def link_out(place: Path) -> None:
    sets.image(place.parent / "secret.png")
    (place / "a/0.png").unlink()
    (place / "a/0.png").symlink_to(place.parent / "secret.png")


BAD: dict[str, tuple[Problem, Callable[[Path], Path]]] = {
    "no folder": ("no such folder", lambda path: path / "none"),
    "a file": ("no such folder", lambda path: sets.image(path / "a.png")),
    "an empty folder": ("unknown layout", lambda path: path.mkdir() or path),
    "no truth file": ("no truth", lambda path: sets.folder(path, FRAMES, None)),
    "truth without rows": ("no truth", with_truth()),
    "nothing anywhere": ("no truth", with_truth("a/0.png,,,,,", "a/1.png,,,,,")),
    "no row": ("no frames", with_frames(truth=())),
    "an empty table": ("wrong columns", broken(lambda place: (place / "frames.csv").write_text(""))),
    "other columns": ("wrong columns", broken(lambda place: (place / "frames.csv").write_text("clip,image\n"))),
    "bytes": ("unreadable file", broken(lambda place: (place / "frames.csv").write_bytes(b"\xff\xfe\x00"))),
    "an open quote": ("unreadable file", broken(lambda place: (place / "frames.csv").write_text('clip,"time_ms'))),
    "a short row": ("bad row", lambda path: sets.folder(path, ["a,0"], [], ["0.png"])),
    "a time that is no number": ("bad row", with_frames("a,soon,0.png")),
    "a time that is not finite": ("bad row", with_frames("a,nan,0.png")),
    "a negative time": ("bad row", with_frames("a,-1,0.png")),
    "a time beyond a day": ("bad row", with_frames("a,86400001,0.png")),
    "no clip": ("bad row", with_frames(",0,0.png")),
    "unsorted": ("unsorted times", with_frames("a,10,0.png", "a,5,1.png")),
    "one time twice": ("duplicate time", with_frames("a,10,0.png", "a,10,1.png")),
    "one image twice": ("duplicate image", with_frames("a,10,0.png", "a,20,0.png")),
    "control characters": ("bad row", with_frames("a,0,\x07.png", truth=())),
    "a clip with control characters": ("bad row", with_frames("a\x1bb,0,0.png")),
    "a name beyond all limits": ("bad row", lambda path: sets.folder(path, [f"a,0,{'x' * 301}"], [], ["0.png"])),
    "a name too long for a file": ("missing image", lambda path: sets.folder(path, [LONG], [], ["0.png"])),
    "a folder with a name too long": ("no such folder", lambda path: path / ("x" * 300)),
    "a missing image": ("missing image", broken(lambda place: (place / "a/1.png").unlink())),
    "a folder as image": ("missing image", lambda path: sets.folder(path, ["a,0,a"], ["a,dog,,,,"], ["a/0.png"])),
    "no image": ("not an image", broken(lambda place: (place / "a/1.png").write_text("<svg/>"))),
    "an empty image": ("not an image", broken(lambda place: (place / "a/1.png").write_bytes(b""))),
    "an absolute path": ("outside the folder", lambda path: sets.folder(path, ["a,0,/etc/passwd"], [], ["0.png"])),
    "a path upwards": ("outside the folder", lambda path: sets.folder(path, ["a,0,../0.png"], [], ["0.png"])),
    "a backslash": ("outside the folder", lambda path: sets.folder(path, ["a,0,..\\0.png"], [], ["0.png"])),
    "a link that leads out": ("outside the folder", broken(link_out)),
    "truth of no frame": ("unknown image", with_truth("a/9.png,dog,,,,")),
    "two classes": ("contradiction", with_truth("a/0.png,dog,,,,", "a/0.png,cat,,,,")),
    "nothing beside a box": ("contradiction", with_truth("a/0.png,dog,1,1,2,2", "a/0.png,,,,,")),
    "half a box": ("bad row", with_truth("a/0.png,dog,1,1,,")),
    "a box of no class": ("bad row", with_truth("a/0.png,,1,1,2,2")),
    "an empty box": ("bad box", with_truth("a/0.png,dog,5,5,5,9")),
    "a box upside down": ("bad box", with_truth("a/0.png,dog,5,9,9,5")),
    "a box outside": ("bad box", with_truth("a/0.png,dog,35,5,45,9")),
    "a box that is not finite": ("bad row", with_truth("a/0.png,dog,0,0,inf,9")),
    "too many boxes": ("too large", with_truth(*["a/0.png,dog,1,1,2,2"] * 101)),
}


@pytest.mark.parametrize("name", BAD)
def test_an_unusable_set_has_a_name(name: str, tmp_path: Path, pinned: Pinned) -> None:
    problem, make = BAD[name]
    with pytest.raises(BadFrames) as caught:
        loading.load(make(tmp_path / "set"))
    assert (caught.value.problem, caught.value.exit_code) == (problem, 2)
    pinned(caught.value.message)


def test_a_rounded_box_is_cut_at_the_edge(tmp_path: Path) -> None:
    one = loading.load(sets.folder(tmp_path, FRAMES, ["a/0.png,dog,-0.4,0,40.4,30"]))
    (box,) = one.truth["a/0.png"].boxes or ()
    assert (box.left, box.right) == (0, 40)


def test_absurd_sizes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = sets.folder(tmp_path / "wide", ["a,0,0.png"], ["0.png,dog,,,,"])
    sets.image(place / "0.png", (frames.LARGEST_SIDE + 1, 1))
    with pytest.raises(BadFrames) as caught:
        loading.load(place)
    assert caught.value.problem == "too large"
    with (place / "0.png").open("wb") as file:
        os.truncate(file.fileno(), 33 * 10**6)
    with pytest.raises(BadFrames) as caught:
        loading.load(place)
    assert caught.value.problem == "too large"
    with (place / "frames.csv").open("ab") as table:
        os.truncate(table.fileno(), 65 * 10**6)
    with pytest.raises(BadFrames) as caught:
        loading.load(place)
    assert caught.value.problem == "too large"
    monkeypatch.setattr(frames, "MOST_FRAMES", 3)
    with pytest.raises(BadFrames) as caught:
        loading.load(sets.folder(tmp_path / "many", FRAMES, TRUTH))
    assert caught.value.problem == "too large"


@given(st.text(max_size=40), st.text(max_size=40))
@settings(max_examples=200)
def test_any_text_in_the_tables_is_a_set_or_a_named_problem(first: str, second: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / "frames.csv").write_text(f"clip,time_ms,image\n{first}", encoding="utf-8", errors="replace")
        (place / "truth.csv").write_text(
            f"image,label,left,top,right,bottom\n{second}", encoding="utf-8", errors="replace"
        )
        with pytest.raises(BadFrames) as caught:
            loading.load(place)
        assert caught.value.problem in frames.PROBLEMS


def test_a_written_set_is_read_as_it_was(tmp_path: Path) -> None:
    made = shapes.generate(seed=3, clips=2, frames_of_clip=4)
    folder.write(made.frames, made.images, tmp_path / "new")
    read = loading.load(tmp_path / "new")
    assert read.frames == made.frames.frames
    assert read.truth == made.frames.truth
    for name, image in made.images.items():
        assert np.array_equal(np.asarray(Image.open(tmp_path / "new" / name)), image)
    with pytest.raises(BadInput, match="not an empty folder"):
        folder.write(made.frames, made.images, tmp_path / "new")
