"""Messages about phones that adb lists and that cannot be used."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mobilebench.core.records import TargetInfo


def left_out(selected: Iterable[TargetInfo]) -> list[dict[str, str]]:
    """The targets that cannot be used, each with its state and what to do about it."""
    from mobilebench.targets.android import discovery

    return [
        {"target": info.id, "state": info.state, "hint": discovery.remedy(info.id, info.state)}
        for info in selected
        if info.state != discovery.READY
    ]


def sentence(phone: dict[str, str]) -> str:
    """The message about one such target."""
    from mobilebench.targets.android import discovery

    return f"Phone {phone['target']} is left out: {discovery.clause(phone['state'])}. {phone['hint']}"
