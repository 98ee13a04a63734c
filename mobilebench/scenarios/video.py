"""The video page: plays a clip in a loop, and counts the frames that are shown."""

from __future__ import annotations

from pathlib import Path

from mobilebench.browsers.page import Page
from mobilebench.core.page_quality import Void
from mobilebench.scenarios import probe
from mobilebench.scenarios.clips import built_clip
from mobilebench.scenarios.hands import Hands
from mobilebench.scenarios.messages import Begun
from mobilebench.scenarios.scenario import Scenario, Use

CLIP = "scenarios/clip"
"""The clip's name on the page server."""


def watch(page: Page, _hands: Hands, seconds: float, _begun: Begun) -> Use:
    """Look at the page and do nothing."""
    probe.rest(page, seconds)
    return Use(Void(reason="this scenario has no runs"), Void(reason="nothing is typed in this scenario"))


def video(clip: Path | None = None) -> Scenario:
    """The scenario with this clip, or with our own.

    Raises:
        Unsupported: our own clip was not built.
    """
    return Scenario(
        name="video",
        title="A clip is played in a loop." if clip is None else f"The clip {clip.name} is played in a loop.",
        address="video" if clip is None else clip.name,
        page="scenarios/video.html",
        use=watch,
        video="needed",
        files={CLIP: clip or built_clip("clip.webm")},
    )
