"""Checks that the pages and runners of a checkout are up to date, before a command measures with them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mobilebench.core.records import PlannedBlock, TargetInfo


def require_current(blocks: Iterable[PlannedBlock], targets: Iterable[TargetInfo]) -> None:
    """Check that the pages and runners for these blocks were built from the current sources.

    Raises:
        BadInput: one of them was not.
    """
    runners = {target.id: target.runner for target in targets}
    cases = (block.case for block in blocks)
    require_current_for({(case.engine, runners[case.target]) for case in cases if case.target in runners})


def require_current_for(asked: Iterable[tuple[str, str]]) -> None:
    """The same check for names of engines, each with its target's build of the runner.

    Raises:
        BadInput: as for `require_current`.
    """
    from mobilebench.engines import builds
    from mobilebench.engines.registry import engines

    known = engines()
    needed = {builds.needed_by(known[engine], runner) for engine, runner in asked if engine in known}
    builds.require_current(build for build in needed if build)
