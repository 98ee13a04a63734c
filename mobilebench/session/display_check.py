"""Reports a missing screen before anything is measured or stored, if a block is to show a window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mobilebench.browsers.launching import SCREEN_HINT as HINT
from mobilebench.core.errors import BadInput
from mobilebench.core.records import PlannedBlock, TargetInfo
from mobilebench.session.dependencies import Dependencies


def demand_screen(
    blocks: Iterable[PlannedBlock], targets: Mapping[str, TargetInfo], dependencies: Dependencies
) -> None:
    """Require a screen if a block shows a browser's window on this computer; a phone always has one.

    Raises:
        BadInput: there is none.
    """
    wanted = any(
        block.conditions.headed and block.case.browser and targets[block.case.target].kind == "host" for block in blocks
    )
    if wanted and (reason := dependencies.why_no_screen()):
        raise BadInput(f"--headed cannot be honoured on this computer: {reason}.", hint=HINT)
