"""Check for what killed runs left on a phone."""

from __future__ import annotations

from mobilebench.recorders.reading import Void
from mobilebench.targets.care import questions
from mobilebench.targets.care.base import Check, Examined, Finding, ok, unknown

_MOST_NAMED = 3


def _leftovers(seen: Examined) -> Finding:
    answer = seen.answer("leftovers")
    found = answer if isinstance(answer, Void) else questions.parse_leftovers(answer)
    if isinstance(found, Void):
        return unknown(found)
    if not found:
        return ok("there are none")
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    return Finding("degraded", f"{', '.join(found[:_MOST_NAMED])}{more} in mobilebench's folder on the phone")


CHECKS = (
    Check(
        "leftovers",
        "No killed run has left changes or partial files",
        "Settings or flags of an earlier run may still be in force.",
        "Run `mobilebench restore`, or the next run: both undo them.",
        _leftovers,
        "leftovers",
    ),
)
