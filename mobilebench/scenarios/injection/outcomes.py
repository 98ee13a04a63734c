"""The failures of a page that is not ours."""

from __future__ import annotations

from mobilebench.scenarios.base import ScenarioFailed


class PageFailed(ScenarioFailed):
    """A page that is not ours could not be opened, or went away while scripts of ours ran in it."""
