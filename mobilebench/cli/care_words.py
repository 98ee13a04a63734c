"""Sentences on the gates and conditions of planned blocks, by target."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mobilebench.core.records import PlannedBlock


def sentences(blocks: Iterable[PlannedBlock]) -> list[str]:
    """What is waited for before each block, when a block is stopped, and what is asked of phones; targets with the same
    answer share a sentence."""
    from mobilebench.suite import gates

    gated: dict[str, dict[str, None]] = {}
    asked: dict[str, dict[str, None]] = {}
    for block in blocks:
        limits, device = block.conditions.gates, block.conditions.device
        if limits is not None:
            gated.setdefault(gates.describe(limits), {})[block.case.target] = None
        if device is not None:
            asked.setdefault(_conditions(device), {})[block.case.target] = None
    return [
        *(f"Gate before each block on {_named(targets)}: {words}." for words, targets in gated.items()),
        *(f"Conditions of {_named(targets)}: {words}." for words, targets in asked.items()),
    ]


def _conditions(asked: str) -> str:
    """Such as `strict (screen-on, …); what a phone refuses makes its cases unsupported`."""
    from mobilebench.targets.android.conditions import parse

    wanted = parse(asked)
    names = [one.name for one in wanted.conditions]
    required = [one.name for one in wanted.conditions if wanted.requires(one)]
    if not names:
        return f"{wanted.text} (nothing is changed but what browsers need)"
    if len(required) == len(names):
        refused = "what a phone refuses makes its cases unsupported"
    elif required:
        refused = f"without {_listed(required)} a case is unsupported, without another one its blocks are suspect"
    else:
        refused = "what a phone refuses makes its blocks suspect"
    return f"{wanted.text} ({', '.join(names)}); {refused}"


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def _named(targets: Iterable[str]) -> str:
    found = list(targets)
    return _listed(found) if len(found) <= 3 else f"{len(found)} targets"
