"""The generated set: the same each time, with truth that fits its pixels."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import numpy as np
import pytest

from mobilebench.reuse import shapes
from mobilebench.reuse.shapes import Shape


def test_the_set_has_ten_seconds_of_every_class() -> None:
    one = shapes.generate()
    assert len(one.frames.frames) == 300
    assert one.frames.notes == ()
    labels = [box.label for truth in one.frames.truth.values() for box in truth.boxes or ()]
    assert all(labels.count(label) > 50 for label in shapes.CLASSES)
    sides = [box.right - box.left for truth in one.frames.truth.values() for box in truth.boxes or ()]
    assert min(sides) < 16
    assert max(sides) > 30


def test_a_seed_gives_the_same_images() -> None:
    def digest(seed: int) -> str:
        shapes.generate.cache_clear()
        made = shapes.generate(seed, clips=1, frames_of_clip=5)
        return hashlib.sha256(b"".join(image.tobytes() for image in made.images.values())).hexdigest()

    assert digest(1) == digest(1) != digest(2)


@pytest.mark.parametrize("label", shapes.CLASSES)
def test_a_box_is_the_extent_of_the_visible_pixels(label: str) -> None:
    random = np.random.default_rng(0)
    dark = np.zeros((shapes.SIDE, shapes.SIDE, 3))
    shape = Shape(label, 40.3, 55.8, 12.6, (255.0, 255.0, 255.0))
    drawn = shapes.draw([shape], dark, random)
    bright = drawn.image.max(axis=2) > 128
    rows, columns = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
    (box,) = drawn.truth.boxes or ()
    assert (box.left, box.top, box.right, box.bottom) == (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    assert drawn.truth.label == label


def test_a_hidden_shape_has_no_box_and_the_largest_names_the_image() -> None:
    random = np.random.default_rng(0)
    dark = np.zeros((shapes.SIDE, shapes.SIDE, 3))
    colour = (200.0, 200.0, 200.0)
    hidden, above, small = (
        Shape("circle", 40, 40, 10, colour),
        Shape("square", 42, 40, 15, colour),
        Shape("cross", 80, 80, 9, colour),
    )
    truth = shapes.draw([hidden, above, small], dark, random).truth
    assert [box.label for box in truth.boxes or ()] == ["square", "cross"]
    assert truth.label == "square"


def test_shapes_move_and_are_replaced() -> None:
    one = shapes.generate()
    truths = [one.frames.truth[frame.image] for frame in one.frames.clips["clip0"]]
    assert sum(before.boxes != after.boxes for before, after in pairwise(truths)) > 50
    assert len({truth.label for truth in truths}) > 1
