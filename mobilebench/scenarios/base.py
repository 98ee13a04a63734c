"""The failures of a scenario that have a name."""

from __future__ import annotations

from typing import Literal

from mobilebench.core.errors import BlockFailed, Fault

Outcome = Literal[
    "never loaded",
    "error page",
    "redirected",
    "left",
    "crashed",
    "background",
    "dialog",
    "undecodable",
    "no video",
    "off screen",
    "no camera",
    "no benchmark",
    "no answer",
    "page error",
]
"""Named failures of a scenario: `never loaded`: the address did not answer, or the page did not load in time · `error
page`: the server answered with an error · `redirected`: another page answered · `left`: the page was replaced by
another one while it was measured · `crashed`: page or browser ended · `background`: the page was hidden · `dialog`: it
showed a dialog, which stops everything until a person answers · `undecodable`: the browser cannot decode the clip · `no
video`: the video did not play · `off screen`: the video was outside of the window · `no camera`: the browser gave the
page no camera · `no benchmark`: the page is not the benchmark that was named · `no answer`: an input or a question was
not answered in time · `page error`: the page threw an exception, or answered something that is no measurement.
"""


class ScenarioFailed(BlockFailed):
    """A scenario could not be measured, for a reason that has a name.

    Args:
        outcome: the name of the failure.
    """

    def __init__(self, outcome: Outcome, message: str, *, hint: str | None = None, fault: Fault | None = None) -> None:
        super().__init__(message, hint=hint, fault=fault)
        self.outcome = outcome
