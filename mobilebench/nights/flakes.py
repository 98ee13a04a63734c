"""Flaky cases: those whose verdict changes to and fro from night to night."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from mobilebench.nights.config import Flakes
from mobilebench.nights.records import USABLE, Flaky, Night

LEAST_NIGHTS = 3
"""Fewer nights of a case do not show that it is flaky."""
LEAST_CHANGES = 2
"""A case that changed its verdict once, and kept it, is broken or mended, and not flaky."""


def flaky(nights: Sequence[Night], budget: Flakes) -> list[Flaky]:
    """The cases of the last of these nights that are flaky.

    `valid` and `suspect` are one verdict here, because the times of both count. A night is unsteady for a case if its
    verdict differs from that of the night before, or if it failed. Nights in which the case was not measured are left
    out.

    Args:
        nights: oldest first.
        budget: how many of them are looked at, and the largest share of unsteady ones.
    """
    seen: dict[tuple[str, str], list[str]] = {}
    for night in nights[-budget.nights :]:
        for step in night.steps:
            for case, status in step.cases.items():
                if status != "not measured":
                    seen.setdefault((step.name, case), []).append(status)
    tonight = {(step.name, case) for step in nights[-1].steps for case in step.cases} if nights else set()
    found = []
    for (name, case), statuses in seen.items():
        kinds = ["usable" if status in USABLE else status for status in statuses]
        changed = [after != before for before, after in itertools.pairwise(kinds)]
        unsteady = sum(one or kind == "failed" for one, kind in zip([False, *changed], kinds, strict=True))
        enough = len(statuses) >= LEAST_NIGHTS and sum(changed) >= LEAST_CHANGES
        if (name, case) in tonight and enough and unsteady > budget.share * len(statuses):
            found.append(Flaky(step=name, case=case, unsteady=unsteady, nights=len(statuses), statuses=statuses))
    return found
