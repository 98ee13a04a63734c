"""The default set: moving shapes on a noisy background, drawn from a seed, with exact truth.

Every pixel is drawn without smoothing, so the box of a shape is exactly the extent of its visible pixels. A shape that
is hidden by others to more than half has no box. Shapes bounce off the edges, and after a while each is replaced by a
new one elsewhere. The class of a frame is that of the largest box.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from mobilebench.reuse.frames import SIDES, Box, Frame, FrameSet, Truth, checked

NAME = "shapes"
SIDE = 96
"""Height and width of an image in pixels."""
FPS = 30
CLASSES = ("circle", "cross", "square", "triangle")
CLIPS = 5
FRAMES_OF_CLIP = 60
SEED = 20251
_MOST_SHAPES = 3
_RADIUS = (8.0, 17.0)
_SPEED = (20.0, 140.0)
"""Pixels a second."""
_LIFE = (0.2, 0.9)
"""Seconds until a shape is replaced."""
_VISIBLE = 0.5

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class Shape:
    """A shape at one moment: centre and half of its extent in pixels, speed in pixels a second."""

    label: str
    x: float
    y: float
    radius: float
    colour: tuple[float, float, float]
    across: float = 0.0
    down: float = 0.0
    left_s: float = 0.0
    """Seconds until it is replaced."""


@dataclass(frozen=True)
class Drawn:
    """An image and what is true of it."""

    image: Image
    truth: Truth


@dataclass(frozen=True)
class Shapes:
    """A set with its images."""

    frames: FrameSet
    images: dict[str, Image]


@cache
def generate(seed: int = SEED, clips: int = CLIPS, frames_of_clip: int = FRAMES_OF_CLIP) -> Shapes:
    """The set of this seed: the same images everywhere."""
    frames: list[Frame] = []
    images: dict[str, Image] = {}
    truth: dict[str, Truth] = {}
    for clip in range(clips):
        for number, drawn in enumerate(_clip(np.random.default_rng([seed, clip]), frames_of_clip)):
            name = f"clip{clip}/{number:04d}.png"
            frames.append(Frame(clip=f"clip{clip}", time_ms=1000 * number / FPS, image=name))
            images[name], truth[name] = drawn.image, drawn.truth
    source = f"Generated: {len(CLASSES)} classes of moving shapes, {SIDE} x {SIDE} pixels, {FPS} frames a second."
    return Shapes(checked(FrameSet(NAME, tuple(frames), truth, source)), images)


def still(random: np.random.Generator) -> Drawn:
    """One image that is not part of a clip, to train with."""
    shapes = [_new(random) for _ in range(random.integers(1, _MOST_SHAPES + 1))]
    return draw(shapes, _background(random), random)


def _clip(random: np.random.Generator, frames: int) -> list[Drawn]:
    background = _background(random)
    shapes = [_new(random) for _ in range(_MOST_SHAPES)]
    drawn = []
    for _ in range(frames):
        drawn.append(draw(shapes, background, random))
        shapes = [_moved(shape, 1 / FPS, random) for shape in shapes]
    return drawn


def draw(shapes: list[Shape], background: NDArray[np.float64], random: np.random.Generator) -> Drawn:
    """The image of these shapes, each above the ones before it."""
    picture = background + random.normal(0, 6, background.shape)
    owner = np.full((SIDE, SIDE), -1)
    masks = [mask(shape) for shape in shapes]
    for place, (shape, inside) in enumerate(zip(shapes, masks, strict=True)):
        picture[inside] = np.array(shape.colour) + random.normal(0, 6, (int(inside.sum()), 3))
        owner[inside] = place
    boxes: list[Box] = []
    for place, (shape, inside) in enumerate(zip(shapes, masks, strict=True)):
        seen = owner == place
        if seen.any() and seen.sum() >= _VISIBLE * inside.sum():
            boxes.append(_extent(shape.label, seen))
    label = max(boxes, key=lambda box: box.area).label if boxes else None
    image = np.clip(picture, 0, 255).astype(np.uint8)
    return Drawn(image, Truth(label=label, boxes=tuple(boxes)))


def mask(shape: Shape) -> NDArray[np.bool_]:
    """Which pixels are inside of the shape, if nothing hides it: [height, width]."""
    places = np.arange(SIDE) + 0.5
    x = ((places - shape.x) / shape.radius)[None, :]
    y = ((places - shape.y) / shape.radius)[:, None]
    square = (np.abs(x) <= 1) & (np.abs(y) <= 1)
    inside: NDArray[np.bool_]
    if shape.label == "circle":
        inside = x**2 + y**2 <= 1
    elif shape.label == "cross":
        inside = square & ((np.abs(x) <= 0.34) | (np.abs(y) <= 0.34))
    elif shape.label == "triangle":
        inside = square & (np.abs(x) <= (y + 1) / 2)
    else:
        inside = square
    return inside


def _extent(label: str, seen: NDArray[np.bool_]) -> Box:
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    sides = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    return Box(label=label, **dict(zip(SIDES, map(float, sides), strict=True)))


def _background(random: np.random.Generator) -> NDArray[np.float64]:
    """A slow change of brightness in each colour, [height, width, 3]."""
    places = np.linspace(-1, 1, SIDE)
    slope = random.uniform(-25, 25, (2, 3))
    level = random.uniform(60, 195, 3)
    background: NDArray[np.float64] = (
        level + places[:, None, None] * slope[0] + places[None, :, None] * slope[1] + np.zeros((SIDE, SIDE, 3))
    )
    return background


def _new(random: np.random.Generator) -> Shape:
    radius = random.uniform(*_RADIUS)
    angle, speed = random.uniform(0, 2 * np.pi), random.uniform(*_SPEED)
    return Shape(
        label=CLASSES[random.integers(len(CLASSES))],
        x=random.uniform(radius, SIDE - radius),
        y=random.uniform(radius, SIDE - radius),
        radius=radius,
        colour=_colour(random),
        across=speed * np.cos(angle),
        down=speed * np.sin(angle),
        left_s=random.uniform(*_LIFE),
    )


def _colour(random: np.random.Generator) -> tuple[float, float, float]:
    """Each part is dark or bright, unlike most backgrounds."""
    red, green, blue = (float(random.choice([random.uniform(0, 50), random.uniform(205, 255)])) for _ in range(3))
    return red, green, blue


def _moved(shape: Shape, seconds: float, random: np.random.Generator) -> Shape:
    if shape.left_s <= seconds:
        return _new(random)
    x, across = _bounced(shape.x + shape.across * seconds, shape.across, shape.radius)
    y, down = _bounced(shape.y + shape.down * seconds, shape.down, shape.radius)
    return replace(shape, x=x, y=y, across=across, down=down, left_s=shape.left_s - seconds)


def _bounced(place: float, speed: float, radius: float) -> tuple[float, float]:
    if place < radius:
        return 2 * radius - place, abs(speed)
    if place > SIDE - radius:
        return 2 * (SIDE - radius) - place, -abs(speed)
    return place, speed
