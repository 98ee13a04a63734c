"""The JSON messages between Python and a page in which a model watches a clip.

`scripts/web_types.py` writes the script's TypeScript types from these records. Run it after every change here.
"""

from __future__ import annotations

from pydantic import Field

from mobilebench.core.page_quality import Ms
from mobilebench.core.records import Record
from mobilebench.engines.page_messages import PageMessage

MOST_FRAMES = 10_000
"""Frames of one clip that a page is given."""
_MOST_TEXT = 20_000_000


class WatchJob(PageMessage):
    """The clip that a page shows."""

    pixels: str
    """Name under which the pixels were put into the page: red, green, blue and alpha of every pixel of every frame."""
    width: int
    height: int
    times_ms: list[float]
    """When each frame comes, since the clip began; ascending."""


class WatchedFrame(Record):
    """One inference on a frame; times are since the clip began, by the page's clock."""

    frame: int = Field(ge=0, lt=MOST_FRAMES)
    """Position of the frame in the clip."""
    started_ms: Ms
    answered_ms: Ms


class WatchAnswer(Record):
    """What happened while a page showed a clip and a model answered to its frames."""

    shown_ms: list[Ms | None] = Field(max_length=MOST_FRAMES)
    """When the page drew each frame, since the clip began; None for a frame that it did not draw."""
    answered: list[WatchedFrame] = Field(max_length=MOST_FRAMES)
    failed: bool
    """Whether the model failed; then nothing more was shown."""
    unlike: int = Field(ge=0, lt=2**31)
    """Frames to which the model answered although the canvas had other pixels than the clip."""
    outputs: str = Field(max_length=_MOST_TEXT)
    """All outputs of all inferences in order, as little-endian float32 in base64."""
