"""Recognises what a phone prints when `dumpsys` cannot show a service's state."""

from __future__ import annotations

import re

_REFUSALS = (
    (r"Can't find service\b", "the phone has no service {service}"),
    (r"Permission Denial\b|.*[Pp]ermission denied", "the phone does not let a shell ask its service {service}"),
    (r"\*\*\* SERVICE '.*' DUMP TIMEOUT", "the phone's service {service} did not answer within the phone's own limit"),
    (r"Error dumping service|Failed to dump|Error with service", "the phone's service {service} failed to answer"),
    (r".*dumpsys: .*(not found|inaccessible)", "the phone has no dumpsys"),
)


def refusal(service: str, said: str) -> str | None:
    """Why an output is not the service's state, as a clause; None when it seems to be.

    Args:
        service: name of the service.
        said: the whole output of `dumpsys SERVICE`.
    """
    if not said.strip():
        return f"the phone's service {service} answered nothing"
    for pattern, reason in _REFUSALS:
        if re.search(f"^(?:{pattern})", said, re.MULTILINE):
            return reason.format(service=service)
    return None


def hung(said: str) -> bool:
    """Whether the phone itself stopped waiting for the service, after ten seconds."""
    return re.search(r"^\*\*\* SERVICE '.*' DUMP TIMEOUT", said, re.MULTILINE) is not None
