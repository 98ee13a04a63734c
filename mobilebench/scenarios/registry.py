"""All scenarios, and the one that a word of the command line means."""

from __future__ import annotations

from pathlib import Path

from mobilebench.core.axes import CLIP_FILES, PAGE_FILES, SCENARIOS, SPEEDOMETER
from mobilebench.core.errors import BadInput
from mobilebench.scenarios import own
from mobilebench.scenarios.call import TITLE as CALL_TITLE
from mobilebench.scenarios.call import call
from mobilebench.scenarios.interaction import INTERACTION
from mobilebench.scenarios.scenario import Scenario
from mobilebench.scenarios.speedometer import TITLE as SPEEDOMETER_TITLE
from mobilebench.scenarios.speedometer import speedometer
from mobilebench.scenarios.typing import WORDS_PER_MINUTE, typing
from mobilebench.scenarios.video import video

DESCRIBED = {
    "interaction": INTERACTION.title,
    "typing": typing().title,
    "video": "A clip is played in a loop.",
    "call": CALL_TITLE,
    "speedometer:FOLDER or speedometer:https://…": SPEEDOMETER_TITLE,
    "https://… or page.html": "A page of your own is scrolled by the wheel, or watched if it plays a video.",
    "clip.webm": "The same as video, with a clip of your own.",
}
"""Each kind of scenario and what happens in it."""
_SHOWN = 300


def scenario_of(word: str, *, words_per_minute: int = WORDS_PER_MINUTE) -> Scenario:
    """The scenario with this name, or of the page or clip at this address or path.

    Raises:
        BadInput: there is no such scenario and no such file, or it is of another kind.
        Unsupported: the scenario lacks something that is made when mobilebench is built.
    """
    match word:
        case "interaction":
            return INTERACTION
        case "typing":
            return typing(words_per_minute)
        case "video":
            return video()
        case "call":
            return call()
    if word.startswith(SPEEDOMETER):
        return speedometer(word.removeprefix(SPEEDOMETER))
    if word.startswith(("http://", "https://")):
        return own.at_address(word)
    file = Path(word)
    if not own.is_file(file):
        raise BadInput(
            f"There is no scenario and no file “{word[:_SHOWN]}”.",
            hint=f"The scenarios are {', '.join(SCENARIOS)} and speedometer:FOLDER; a page of your own is an address "
            "(https://…) or a .html file.",
        )
    own.require_readable_name(file)
    if file.suffix.lower() in PAGE_FILES:
        return own.in_file(file)
    if file.suffix.lower() in CLIP_FILES:
        return video(file.resolve())
    raise BadInput(
        f"{file.name} is neither a page nor a clip.",
        hint=f"Pages end with {', '.join(PAGE_FILES)}, clips with {', '.join(CLIP_FILES)}.",
    )
