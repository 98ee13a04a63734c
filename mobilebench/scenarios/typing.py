"""The typing page: a document into which text is typed by real key presses, as fast as a person types."""

from __future__ import annotations

import time
from functools import partial
from itertools import count

from mobilebench.browsers.page import Page
from mobilebench.core.errors import BadInput
from mobilebench.core.page_quality import Typing, Void
from mobilebench.scenarios import probe
from mobilebench.scenarios.base import ScenarioFailed
from mobilebench.scenarios.hands import Hands
from mobilebench.scenarios.messages import Begun, Spot, Typed
from mobilebench.scenarios.scenario import Scenario, Use

WORDS_PER_MINUTE = 40
SLOWEST, FASTEST = 20, 60
"""The range of the first paper, in words a minute."""
CHARACTERS_OF_WORD = 5
TEXT = (
    "The page counts the words of this text, keeps a list of its headings and sets the height of its sheets again "
    "after each key. A person who types looks at the last letters, and notices when they come late. "
)
"""What is typed, again and again; each time as a paragraph of its own."""


def use(words_per_minute: int, page: Page, hands: Hands, seconds: float, _begun: Begun) -> Use:
    """Type at this speed until the time is over. A late key is followed at once by those that are due."""
    apart = 60 / (words_per_minute * CHARACTERS_OF_WORD)
    with probe.named_failures(page):
        place = probe.asked(page, "mobilebenchScenario.start()", Spot)
        hands.click(place.x, place.y)
        began = time.monotonic()
        for number in count():
            spent = time.monotonic() - began
            if max(spent, number * apart) >= seconds:
                break
            time.sleep(max(0.0, number * apart - spent))
            position = number % (len(TEXT) + 1)
            hands.press(TEXT[position] if position < len(TEXT) else "Enter")
        probe.rest(page, max(0.0, began + seconds - time.monotonic()))
        typed = probe.asked(page, "mobilebenchScenario.typed()", Typed)
    if typed.characters == 0:
        raise ScenarioFailed("page error", "The page received none of the characters that were typed.")
    return Use(
        Void(reason="this scenario has no runs"), Typing(asked_wpm=words_per_minute, characters=typed.characters)
    )


def typing(words_per_minute: int = WORDS_PER_MINUTE) -> Scenario:
    """The scenario at this speed.

    Raises:
        BadInput: nobody types as slowly or as fast.
    """
    if not SLOWEST <= words_per_minute <= FASTEST:
        raise BadInput(
            f"{words_per_minute} words a minute is not between {SLOWEST} and {FASTEST}.",
            hint=f"Give --words-per-minute a number from {SLOWEST} to {FASTEST}, as people type.",
        )
    return Scenario(
        name="typing",
        title=f"Text is typed into a document, key by key, at {words_per_minute} words a minute.",
        address="typing",
        page="scenarios/typing.html",
        use=partial(use, words_per_minute),
    )
