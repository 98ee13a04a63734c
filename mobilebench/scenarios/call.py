"""The call page: the camera is shown above the parts of the interaction page, which are used as there.

So runs per minute, the video's frames and the page's frames are measured in the same page at the same time. A browser
of this computer gets a camera that is not there: in Chrome our clip, in Firefox a picture of its own.
"""

from __future__ import annotations

from pathlib import Path

from mobilebench.browsers.page import Page
from mobilebench.scenarios import interaction, probe
from mobilebench.scenarios.base import ScenarioFailed
from mobilebench.scenarios.clips import built_clip
from mobilebench.scenarios.messages import CameraAnswer
from mobilebench.scenarios.scenario import Scenario

TITLE = "A video call: the camera is shown, and the parts of interaction below it are used by clicks and keys."
_HINTS = {
    "NotAllowedError": "Allow the camera in the browser, for this page and in the system's settings, and repeat.",
    "NotFoundError": "Connect a camera, or measure on a device that has one.",
    "NotReadableError": "Close what else uses the camera. On this computer, its clip may be broken: run `make clip`.",
    "InsecureContext": "Use a newer browser: this one offers no camera to pages of this computer.",
    "TimeoutError": "Look at the screen: the browser asks whether the page may use the camera.",
}
"""Name of the browser's exception to the next step."""


def show_camera(page: Page) -> list[str]:
    """Wait until the page shows the camera; return its name as a note.

    Raises:
        ScenarioFailed: the page got no camera.
    """
    with probe.named_failures(page):
        answer = probe.asked(page, "mobilebenchScenario.camera()", CameraAnswer)
    if answer.camera == "none":
        raise ScenarioFailed(
            "no camera",
            f"The page got no camera ({answer.error or 'without a name'}): {answer.why or 'no reason is given'}.",
            hint=_HINTS.get(answer.error),
        )
    name = answer.label.rsplit("/", 1)[-1]  # Chrome names a clip by its path
    return [f"the camera is “{name or 'without a name'}”"]


def call(clip: Path | None = None) -> Scenario:
    """The scenario, in which this clip (Motion JPEG), or our own, is what Chrome's camera shows.

    Raises:
        Unsupported: our own clip was not built.
    """
    return Scenario(
        name="call",
        title=TITLE,
        address="call",
        page="scenarios/call.html",
        use=interaction.use,
        traced=False,
        prepare=show_camera,
        video="needed",
        flags={
            "chrome": (
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-video-capture={clip or built_clip('camera.mjpeg')}",
            ),
            "firefox": ("media.navigator.streams.fake=true", "media.navigator.permission.disabled=true"),
        },
    )
