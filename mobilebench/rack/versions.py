"""Whether two parts of a rack fit together."""

from __future__ import annotations

import mobilebench
from mobilebench.rack.messages import PROTOCOL, Refused


def refuse_skew(who: str, version: str, protocol: int) -> Refused | None:
    """Refuse a client or host of another version than this scheduler's; None if it is the same.

    Args:
        who: such as `this computer` or `host lab-1`.
        version: its version of mobilebench.
        protocol: its version of the messages.
    """
    mine = mobilebench.__version__
    if (version, protocol) == (mine, PROTOCOL):
        return None
    what = f"mobilebench {version}" if version != mine else f"mobilebench {version} with other messages"
    return Refused(
        code="version",
        reason=f"The rack's scheduler has mobilebench {mine}, and {who} has {what}.",
        hint=f"Upgrade {who if _is_older(version, mine) else 'the scheduler and its hosts'}, so that all are equal.",
    )


def _is_older(one: str, other: str) -> bool:
    from packaging.version import InvalidVersion, Version

    try:
        return Version(one) <= Version(other)
    except InvalidVersion:
        return False
